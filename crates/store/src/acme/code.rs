//! States as their columns keep them.

use chancery_acme::{AccountStatus, AuthorizationStatus, StoredOrderStatus};
use chancery_core::StoreError;

use crate::row;

/// A state with its column's text.
pub(super) trait Code: Copy + Sized {
    /// The text.
    fn code(self) -> &'static str;
    /// The state of a text.
    fn read(column: &str) -> Result<Self, StoreError>;
}

macro_rules! codes {
    ($type:ident, $what:literal: $($state:ident = $text:literal),* $(,)?) => {
        impl Code for $type {
            fn code(self) -> &'static str {
                match self {
                    $(Self::$state => $text,)*
                }
            }

            fn read(column: &str) -> Result<Self, StoreError> {
                match column {
                    $($text => Ok(Self::$state),)*
                    other => Err(row::unreadable($what, other)),
                }
            }
        }
    };
}

codes!(AccountStatus, "account status": Valid = "valid", Deactivated = "deactivated", Revoked = "revoked");
codes!(
    StoredOrderStatus, "order status":
    Open = "open", Processing = "processing", Valid = "valid", Invalid = "invalid",
);
codes!(
    AuthorizationStatus, "authorization status":
    Pending = "pending", Valid = "valid", Invalid = "invalid", Deactivated = "deactivated", Expired = "expired",
    Revoked = "revoked",
);
