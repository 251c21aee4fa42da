use chancery_pki::cms::Legacy;

use crate::message::Message;

/// A pkiMessage: read, and its signature checked.
pub fn message(bytes: &[u8]) {
    if let Ok(message) = Message::read(bytes) {
        let _ = message.reference();
        for legacy in [Legacy::default(), Legacy::ALL] {
            let _ = message.verify(legacy);
        }
    }
}

/// The message of a GET.
pub fn query(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(decoded) = crate::decode_message(text)
    {
        message(&decoded);
    }
}
