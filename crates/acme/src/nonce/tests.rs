use std::collections::BTreeSet;

use time::macros::datetime;

use super::*;

const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn nonces(node: i32, boot: i64) -> Nonces {
    Nonces::new(&[7; 32], node, boot, false)
}

/// Spend on a node that stands alone: it asks no store.
fn spend(nonces: &Nonces, nonce: &str, now: OffsetDateTime) -> Result<(), Refused> {
    let content = nonces.open(nonce, now)?;
    let mut spent = nonces.spent.lock().unwrap();
    if spent.spend(content.counter, content.made, millis(now)) { Ok(()) } else { Err(Refused::Bad) }
}

#[test]
fn a_nonce_is_spent_once() {
    let nonces = nonces(1, 1);
    let (one, other) = (nonces.make(START), nonces.make(START));
    assert_eq!(spend(&nonces, &other, START), Ok(()));
    assert_eq!(spend(&nonces, &one, START), Ok(()));
    assert_eq!(spend(&nonces, &one, START), Err(Refused::Bad));
    assert_eq!(spend(&nonces, &other, START + Duration::minutes(59)), Err(Refused::Bad));
}

#[test]
fn of_64_threads_one_spends_it() {
    let nonces = nonces(1, 1);
    let nonce = nonces.make(START);
    let barrier = std::sync::Barrier::new(64);
    let spent: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    usize::from(spend(&nonces, &nonce, START).is_ok())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(spent, 1);
}

#[test]
fn nonces_end() {
    let nonces = nonces(1, 1);
    let nonce = nonces.make(START);
    assert_eq!(spend(&nonces, &nonce, START + LIFETIME + Duration::milliseconds(1)), Err(Refused::Bad));
    assert_eq!(spend(&nonces, &nonce, START + LIFETIME), Ok(()));
}

#[test]
fn only_ours_are_taken() {
    let ours = nonces(1, 2);
    for other in [nonces(1, 1), nonces(2, 2), Nonces::new(&[8; 32], 1, 2, false)] {
        assert_eq!(spend(&ours, &other.make(START), START), Err(Refused::Bad));
    }
    let nonce = ours.make(START);
    for at in 0..nonce.len() {
        let mut broken = nonce.clone().into_bytes();
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        assert!(spend(&ours, std::str::from_utf8(&broken).unwrap(), START).is_err(), "{at}");
    }
    for (text, refused) in [
        ("", Refused::Bad),
        ("AA", Refused::Bad),
        ("A", Refused::Malformed),
        ("+/+/", Refused::Malformed),
        ("AAA=", Refused::Malformed),
        ("nonce nonce", Refused::Malformed),
        (&"A".repeat(10_240), Refused::Bad),
    ] {
        assert_eq!(spend(&ours, text, START), Err(refused), "{text}");
    }
    assert_eq!(spend(&ours, &nonce, START), Ok(()));
}

#[test]
fn a_cluster_takes_what_any_node_made() {
    let (one, two) = (Nonces::new(&[7; 32], 1, 1, true), Nonces::new(&[7; 32], 2, 9, true));
    assert_eq!(one.open(&two.make(START), START).unwrap().node, 2);
    assert_ne!(one.make(START), two.make(START));
}

#[test]
fn rfc8555_6_5_1_nonces_are_unique_and_tell_nothing() {
    let nonces = nonces(1, 1);
    let made: BTreeSet<String> = (0..10_000).map(|_| nonces.make(START)).collect();
    assert_eq!(made.len(), 10_000);
    // The counter cannot be read off: neighbours share no long beginning.
    let made: Vec<_> = made.into_iter().collect();
    assert!(made.windows(2).all(|pair| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count() < 12));
}

#[test]
fn making_grows_nothing_and_what_is_over_goes() {
    let nonces = nonces(1, 1);
    let first = nonces.make(START);
    for _ in 0..3 * PAGE {
        nonces.make(START);
    }
    let pages = || nonces.spent.lock().unwrap().pages.len();
    assert_eq!(pages(), 0);
    assert_eq!(spend(&nonces, &first, START), Ok(()));
    assert_eq!(spend(&nonces, &nonces.make(START), START), Ok(()));
    assert_eq!(pages(), 2);
    let later = START + Duration::hours(2);
    assert_eq!(spend(&nonces, &nonces.make(later), later), Ok(()));
    assert_eq!(pages(), 1);
    // The clock goes back: what was forgotten is not taken again.
    assert_eq!(spend(&nonces, &first, START), Err(Refused::Bad));
}

#[test]
fn a_page_that_spans_hours_forgets_only_what_is_over() {
    let nonces = nonces(1, 1);
    let (early, late) = (nonces.make(START), nonces.make(START + Duration::minutes(50)));
    assert_eq!(spend(&nonces, &early, START), Ok(()));
    let now = START + Duration::minutes(70);
    assert_eq!(spend(&nonces, &late, now), Ok(()), "its page was forgotten with the early one");
    assert_eq!(spend(&nonces, &late, now), Err(Refused::Bad));
    assert_eq!(spend(&nonces, &early, now), Err(Refused::Bad));
}
