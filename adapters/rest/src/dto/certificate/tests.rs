use chancery_core::CertificateState;
use time::Duration;
use time::macros::datetime;

use super::ValidationStatus;
use crate::dto::date;

#[test]
fn dates_are_rendered_as_the_platform_does() {
    assert_eq!(date(datetime!(2027-01-02 03:04:05.678_9 +02:00)), "2027-01-02T01:04:05.678+00:00");
}

#[test]
fn validation_status_follows_the_clock() {
    let (start, end) = (datetime!(2027-01-01 00:00 UTC), datetime!(2027-04-01 00:00 UTC));
    let at = |now| ValidationStatus::of(CertificateState::Issued, Some((start, end)), now);
    assert_eq!(at(start - Duration::seconds(1)), ValidationStatus::Inactive);
    assert_eq!(at(start), ValidationStatus::Valid);
    assert_eq!(at(end - Duration::days(30)), ValidationStatus::Valid);
    assert_eq!(at(end - Duration::days(30) + Duration::seconds(1)), ValidationStatus::Expiring);
    assert_eq!(at(end), ValidationStatus::Expiring);
    assert_eq!(at(end + Duration::seconds(1)), ValidationStatus::Expired);
    let revoked = ValidationStatus::of(CertificateState::Revoked, Some((start, end)), end + Duration::days(1));
    assert_eq!(revoked, ValidationStatus::Revoked);
    for state in [CertificateState::Requested, CertificateState::PendingApproval, CertificateState::Failed] {
        assert_eq!(ValidationStatus::of(state, None, start), ValidationStatus::NotChecked);
    }
}
