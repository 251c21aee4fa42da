//! Which door a path means. What stands behind the name is passed over (RFC 8894 section 4.1: the path should be ignored).

use chancery_scep::DoorPath;

/// What devices append, and what old ones have instead of a name.
const PROGRAMS: [&str; 4] = ["", "/", "/pkiclient.exe", "/cgi-bin/pkiclient.exe"];

/// The door at this path, percent-encoded as it came.
pub(crate) fn of(path: &str) -> Option<DoorPath> {
    let path = path.strip_suffix('?').unwrap_or(path);
    match path {
        "/cgi-bin/pkiclient.exe"
        | "/certsrv/mscep/mscep.dll"
        | "/certsrv/mscep/mscep.dll/"
        | "/certsrv/mscep/mscep.dll/pkiclient.exe" => return Some(DoorPath::Default),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/api/v1/protocols/scep/raProfile/") {
        return named(rest).map(DoorPath::RaProfile);
    }
    if let Some(rest) = path.strip_prefix("/api/v1/protocols/scep/") {
        return named(rest).map(DoorPath::ScepProfile);
    }
    named(path.strip_prefix("/scep/")?).map(DoorPath::Named)
}

/// Names are of unreserved characters alone, so that there is nothing to decode and nowhere to climb to.
fn named(rest: &str) -> Option<String> {
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, program) = rest.split_at(end);
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    (plain && PROGRAMS.contains(&program)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_a_door_means_that_door() {
        for path in
            ["/scep/device", "/scep/device/", "/scep/device/pkiclient.exe", "/scep/device/cgi-bin/pkiclient.exe"]
        {
            assert_eq!(of(path), Some(DoorPath::Named("device".into())), "{path}");
        }
        for path in ["/cgi-bin/pkiclient.exe", "/certsrv/mscep/mscep.dll", "/certsrv/mscep/mscep.dll/pkiclient.exe"] {
            assert_eq!(of(path), Some(DoorPath::Default), "{path}");
        }
        let own = of("/api/v1/protocols/scep/default/pkiclient.exe");
        assert_eq!(own, Some(DoorPath::ScepProfile("default".into())));
        let platform = of("/api/v1/protocols/scep/raProfile/device/pkiclient.exe");
        assert_eq!(platform, Some(DoorPath::RaProfile("device".into())));
    }

    #[test]
    fn a_path_that_climbs_means_nothing() {
        for path in
            ["/scep/", "/scep", "/scep/../x", "/scep/%2e%2e", "/scep/a%2fb", "/scep/device/../../x", "/scep/a/b"]
        {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
