use super::*;

fn database(kind: DatabaseErrorKind, message: &str) -> Failure {
    Failure::Database(Error::DatabaseError(kind, Box::new(message.to_owned())))
}

#[test]
fn names_the_uniqueness_rule_on_both_engines() {
    for (message, expected) in [
        ("UNIQUE constraint failed: certificates.issuer, certificates.serial", Unique::Serial),
        ("duplicate key value violates unique constraint \"certificates_issuer_serial\"", Unique::Serial),
        ("UNIQUE constraint failed: certificates.fingerprint", Unique::Fingerprint),
        ("duplicate key value violates unique constraint \"ra_profiles_name_key\"", Unique::ProfileName),
        ("UNIQUE constraint failed: authorities.name", Unique::AuthorityName),
        ("UNIQUE constraint failed: certificates.id", Unique::Other),
    ] {
        let verdict = database(DatabaseErrorKind::UniqueViolation, message).verdict();
        assert!(
            matches!(&verdict, Verdict::Refused(StoreError::Duplicate(unique)) if *unique == expected),
            "{message}: {verdict:?}"
        );
    }
}

#[test]
fn tells_a_full_disk_from_a_broken_rule() {
    for message in ["database or disk is full", "disk I/O error", "could not extend file \"base/1\": No space left"] {
        assert!(matches!(database(DatabaseErrorKind::Unknown, message).verdict(), Verdict::Lost(_)), "{message}");
    }
    let raised = database(DatabaseErrorKind::Unknown, "a trigger said no").verdict();
    assert!(matches!(raised, Verdict::Refused(StoreError::Internal(_))), "{raised:?}");
}

#[test]
fn tries_again_after_a_serialization_failure_or_a_deadlock() {
    assert!(matches!(database(DatabaseErrorKind::SerializationFailure, "x").verdict(), Verdict::Again(_)));
    assert!(matches!(database(DatabaseErrorKind::Unknown, "deadlock detected").verdict(), Verdict::Again(_)));
}
