//! Which label and which operation a request's path names (RFC 7030 section 3.2.2).

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Section 4.1.
    CaCertificates,
    /// Section 4.2.1.
    Enrol,
    /// Section 4.2.2.
    Reenrol,
    /// Section 4.3.
    FullCmc,
    /// Section 4.4.
    ServerKeyGeneration,
    /// Section 4.5.
    CsrAttributes,
}

impl Operation {
    fn of(segment: &str) -> Option<Self> {
        Some(match segment {
            "cacerts" => Self::CaCertificates,
            "simpleenroll" => Self::Enrol,
            "simplereenroll" => Self::Reenrol,
            "fullcmc" => Self::FullCmc,
            "serverkeygen" => Self::ServerKeyGeneration,
            "csrattrs" => Self::CsrAttributes,
            _ => return None,
        })
    }

    /// The methods that it has (RFC 9110 section 10.2.1).
    pub fn allow(self) -> &'static str {
        if self.is_read() { "GET, HEAD" } else { "POST" }
    }

    /// Whether it is read.
    pub fn is_read(self) -> bool {
        matches!(self, Self::CaCertificates | Self::CsrAttributes)
    }
}

/// A path of this door, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The label, where there is one.
    pub label: Option<&'a str>,
    /// What is asked for.
    pub operation: Operation,
}

/// Longest label: names of profiles have at most 64 characters.
const LONGEST_LABEL: usize = 64;

impl<'a> Place<'a> {
    /// Read a request's path. Labels are RFC 3986 unreserved characters, so that nothing is decoded: another spelling of a
    /// path is no address of ours.
    pub fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/.well-known/est/")?;
        let (label, segment) = match rest.split_once('/') {
            Some((label, segment)) => (Some(label), segment),
            None => (None, rest),
        };
        let plain = |label: &str| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        // RFC 7030 section 3.2.2: no label is called like an operation.
        if label.is_some_and(|label| !plain(label) || Operation::of(label).is_some()) {
            return None;
        }
        Some(Self { label, operation: Operation::of(segment)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7030_3_2_2_paths_with_a_label_and_without() {
        let of = |path| Place::of(path).map(|place| (place.label, place.operation));
        assert_eq!(of("/.well-known/est/cacerts"), Some((None, Operation::CaCertificates)));
        assert_eq!(of("/.well-known/est/device/simpleenroll"), Some((Some("device"), Operation::Enrol)));
        assert_eq!(of("/.well-known/est/a.b-c_~/csrattrs"), Some((Some("a.b-c_~"), Operation::CsrAttributes)));
    }

    #[test]
    fn es_22_other_spellings_are_no_address() {
        let long = format!("/.well-known/est/{}/cacerts", "x".repeat(4096));
        for path in [
            long.as_str(),
            "/.well-known/est",
            "/.well-known/est/",
            "/.well-known/est//cacerts",
            "/.well-known/est/cacerts/",
            "/.well-known/est/device/",
            "/.well-known/est/device/cacerts/x",
            "/.well-known/est/..%2f..",
            "/.well-known/est/..%2f../cacerts",
            "/.well-known/est/dev%69ce/cacerts",
            "/.well-known/est/cacerts/simpleenroll",
            "/.well-known/est/CACERTS",
            "/.well-known/estx/cacerts",
            "/.well-known/est/device/simplerevoke",
        ] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }
}
