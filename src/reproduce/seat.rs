//! Where attempts run: a workplace that is open, or one that is opened for the first attempt
//! that needs it. Where every attempt was made earlier, none is.

use std::borrow::Borrow;
use std::cell::OnceCell;

use super::workplace::{Workplace, WorkplaceError, Workshop};

/// A workplace, open or not.
pub trait Seat {
    /// The commit it is made at.
    fn base(&self) -> &str;

    /// The fix that is part of it; empty where there is none.
    fn patch(&self) -> &[u8];

    /// The workplace itself.
    fn place(&self) -> Result<&Workplace, WorkplaceError>;

    /// A second one of the same kind, for an attempt beside another; none where there is only this
    /// one.
    fn another(&self) -> Option<Box<dyn Seat + Send + '_>> {
        None
    }
}

impl Seat for Workplace {
    fn base(&self) -> &str {
        Self::base(self)
    }

    fn patch(&self) -> &[u8] {
        Self::patch(self)
    }

    fn place(&self) -> Result<&Workplace, WorkplaceError> {
        Ok(self)
    }
}

/// Opens a workplace.
type Opener<'a, P> = Box<dyn Fn() -> Result<P, WorkplaceError> + Send + Sync + 'a>;

/// A workplace that is opened when it is asked for.
pub struct Later<'a, P = Workplace> {
    base: &'a str,
    patch: &'a [u8],
    open: Opener<'a, P>,
    place: OnceCell<P>,
}

impl<'a> Later<'a> {
    /// One that `workshop` opens with `patch`.
    pub fn new(workshop: &'a Workshop<'a>, patch: &'a [u8]) -> Self {
        Self::by(workshop.base, patch, || workshop.open(patch))
    }
}

impl<'a, P: Borrow<Workplace>> Later<'a, P> {
    /// One at `base` with `patch`, which `open` opens.
    pub fn by(
        base: &'a str,
        patch: &'a [u8],
        open: impl Fn() -> Result<P, WorkplaceError> + Send + Sync + 'a,
    ) -> Self {
        Self {
            base,
            patch,
            open: Box::new(open),
            place: OnceCell::new(),
        }
    }
}

impl<P: Borrow<Workplace> + Send> Seat for Later<'_, P> {
    fn base(&self) -> &str {
        self.base
    }

    fn patch(&self) -> &[u8] {
        self.patch
    }

    fn place(&self) -> Result<&Workplace, WorkplaceError> {
        if let Some(place) = self.place.get() {
            return Ok(place.borrow());
        }
        let place = (self.open)()?;
        Ok(self.place.get_or_init(|| place).borrow())
    }

    fn another(&self) -> Option<Box<dyn Seat + Send + '_>> {
        let open = &self.open;
        Some(Box::new(Later::<P>::by(self.base, self.patch, open)))
    }
}
