use crate::query::{Operation, operation};

#[test]
fn operations_are_read_in_any_case_and_once() {
    assert_eq!(operation("operation=GetCACaps", false).unwrap(), Operation::GetCaCaps);
    assert_eq!(operation("operation=getcacert&message=x", false).unwrap(), Operation::GetCaCert);
    assert_eq!(operation("message=&operation=PKIOperation", true).unwrap(), Operation::Message);
    assert_eq!(operation("", true).unwrap(), Operation::Message);
    for wrong in ["", "operation=", "operation=GetCACert&operation=GetCACaps", "operation=Delete", "operation=%00"] {
        assert!(operation(wrong, false).is_err(), "{wrong}");
    }
    assert!(operation("operation=Delete", true).is_err());
}
