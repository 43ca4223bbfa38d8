//! Regions and buckets are parts of the host that is asked, and the SDK takes them as they stand: one
//! with a `/` in it would lead a signed request to any host.

use archal_core::pull::{PullError, PullErrorKind};

/// The longest label of a host.
const LONGEST_LABEL: usize = 63;
/// The longest name of a bucket; those that are older than the present rules are that long.
const LONGEST_BUCKET: usize = 255;

/// Whether it is a region: one label of a host.
pub(super) fn is_region(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_LABEL).contains(&text.len()) && text.bytes().all(is_part)
}

/// Whether it is a bucket's name, or the ARN of an access point.
pub(super) fn is_bucket(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !text.starts_with("arn:") {
        return (1..=LONGEST_BUCKET).contains(&text.len()) && text.bytes().all(is_part);
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [_, partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    // One that holds in all regions names none.
    let is_label = |text: &str| text.is_empty() || is_region(text);
    [partition, service, region, account]
        .into_iter()
        .all(is_label)
        && !resource.is_empty()
        && resource
            .bytes()
            .all(|byte| is_part(byte) || b":/".contains(&byte))
}

/// Refuses what is no region, whoever said it.
pub(super) fn check_region(text: &str) -> Result<(), PullError> {
    if is_region(text) {
        return Ok(());
    }
    let told = format!("the region `{text}` is no name such as eu-west-3");
    Err(PullError::new(PullErrorKind::Options, told).advice("--option region=<name>"))
}

/// Refuses what is no bucket.
pub(super) fn check_bucket(text: &str) -> Result<(), PullError> {
    if is_bucket(text) {
        return Ok(());
    }
    let told = format!("`{text}` is no bucket's name, and no ARN of an access point");
    Err(PullError::new(PullErrorKind::Options, told).advice("--option bucket=<name>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would lead out of a label.
    const ODD: [&str; 9] = [
        "a/b",
        "a#",
        "a@b",
        "a:1/",
        "a?",
        "a b",
        "a\\b",
        "a%2f",
        "evil.example/x",
    ];

    #[test]
    fn a_region_is_one_label_of_a_host() {
        for region in ["eu-west-3", "us-gov-east-1", "auto", "fr-par"] {
            check_region(region).expect(region);
        }
        let long = "a".repeat(64);
        for region in ODD.into_iter().chain(["a.b", "", "EU", long.as_str()]) {
            let error = check_region(region).expect_err(region);
            assert_eq!(error.kind, PullErrorKind::Options, "{region}");
        }
    }

    #[test]
    fn a_bucket_is_a_name_or_an_access_point() {
        for bucket in [
            "traces",
            "old_Name.of.1",
            "logs--usw2-az1--x-s3",
            "arn:aws:s3:eu-west-3:123456789012:accesspoint/traces",
            "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
        ] {
            check_bucket(bucket).expect(bucket);
        }
        let odd = ODD.into_iter().chain([
            "",
            "arn:aws:s3:eu-west-3",
            "arn:aws:s3:evil.example/x:123456789012:accesspoint/traces",
            "arn:aws:s3:eu-west-3:1@evil.example:accesspoint/traces",
            "arn:aws:s3:eu-west-3:123456789012:accesspoint/a@evil.example#",
            "arn:aws:s3:eu-west-3:123456789012:",
        ]);
        for bucket in odd {
            let error = check_bucket(bucket).expect_err(bucket);
            assert_eq!(error.kind, PullErrorKind::Options, "{bucket}");
        }
    }
}
