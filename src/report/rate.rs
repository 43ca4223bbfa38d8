//! How sure k of n is: the Wilson score interval.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// k of n with its 95 % Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// How many.
    pub k: u64,
    /// Of how many.
    pub n: u64,
    /// Lower end of the interval, 0 to 1.
    pub low: f64,
    /// Upper end of the interval, 0 to 1.
    pub high: f64,
}

impl Rate {
    /// `k` of `n`; the interval is the whole of 0 to 1 when `n` is 0.
    pub fn of(k: u64, n: u64) -> Self {
        if n == 0 {
            return Self {
                k,
                n,
                low: 0.0,
                high: 1.0,
            };
        }
        /// The 97.5th percentile of the normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of runs are far below 2^52"
        )]
        let (k_real, n_real) = (k as f64, n as f64);
        let p = k_real / n_real;
        let scale = 1.0 + Z * Z / n_real;
        let centre = (p + Z * Z / (2.0 * n_real)) / scale;
        let half = Z / scale * (p * (1.0 - p) / n_real + Z * Z / (4.0 * n_real * n_real)).sqrt();
        let three_digits = |value: f64| (value.clamp(0.0, 1.0) * 1_000.0).round() / 1_000.0;
        Self {
            k,
            n,
            low: three_digits(centre - half),
            high: three_digits(centre + half),
        }
    }

    /// The share; 0 where `n` is 0.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of runs are far below 2^52"
    )]
    pub fn share(self) -> f64 {
        if self.n == 0 {
            return 0.0;
        }
        self.k as f64 / self.n as f64
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn intervals_are_the_published_ones() {
        let rate = Rate::of(3, 3);
        assert_eq!((rate.low, rate.high), (0.439, 1.0));
        let rate = Rate::of(81, 263);
        assert_eq!((rate.low, rate.high), (0.255, 0.366));
        let rate = Rate::of(0, 0);
        assert_eq!((rate.low, rate.high), (0.0, 1.0));
    }
}
