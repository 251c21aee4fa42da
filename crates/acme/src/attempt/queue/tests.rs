use super::*;

fn account(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A client begins it; what found no room.
fn begin<T>(queue: &mut Queue<T>, of: u128, work: T) -> Option<T> {
    queue.push(account(of), Lane::Begun, work)
}

/// Whose turn it is, and with what.
fn next<T>(queue: &mut Queue<T>) -> Option<(u128, T)> {
    queue.next().map(|(account, _, work)| (account.as_u128(), work))
}

#[test]
fn one_account_never_has_all_places() {
    let mut queue = Queue::new(8);
    for number in 0..8 {
        assert_eq!(begin(&mut queue, 1, number), None);
    }
    let begun: Vec<_> = std::iter::from_fn(|| next(&mut queue)).collect();
    assert_eq!(begun, [(1, 0), (1, 1)], "two of eight places are its share");
    // Who comes later goes before what waits.
    assert_eq!(begin(&mut queue, 2, 100), None);
    assert_eq!(next(&mut queue), Some((2, 100)));
    assert_eq!(next(&mut queue), None);
    queue.done(account(1), Lane::Begun);
    assert_eq!(next(&mut queue), Some((1, 2)));
}

#[test]
fn accounts_take_turns() {
    let mut queue = Queue::new(16);
    for number in 0..3 {
        for of in 1..=3 {
            assert_eq!(begin(&mut queue, of, number), None);
        }
    }
    let order: Vec<u128> = std::iter::from_fn(|| next(&mut queue)).map(|(account, _)| account).collect();
    assert_eq!(order, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn many_accounts_wait_for_places() {
    let mut queue = Queue::new(4);
    for of in 1..=10 {
        assert_eq!(begin(&mut queue, of, ()), None);
    }
    assert_eq!(std::iter::from_fn(|| next(&mut queue)).count(), 4);
    queue.done(account(2), Lane::Begun);
    queue.done(account(2), Lane::Begun);
    assert_eq!(std::iter::from_fn(|| next(&mut queue)).collect::<Vec<_>>(), [(5, ())]);
}

#[test]
fn what_waits_is_bounded_and_who_has_few_finds_room() {
    let mut queue = Queue::new(4);
    for of in 1..=8 {
        let kept = (0..1_000).filter(|number| begin(&mut queue, of, *number).is_none()).count();
        assert_eq!(kept, 512, "of one account");
    }
    assert_eq!(queue.queued, 4_096);
    // The last of the longest line makes room.
    assert_eq!(begin(&mut queue, 9, 7), Some(511));
    assert_eq!(queue.waiting[&account(9)], [(Lane::Begun, 7)]);
    let mut lengths: Vec<_> = queue.waiting.values().map(VecDeque::len).collect();
    lengths.sort_unstable();
    assert_eq!((lengths, queue.queued), (vec![1, 511, 512, 512, 512, 512, 512, 512, 512], 4_096));
    for of in 10..5_000 {
        begin(&mut queue, of, 0);
    }
    assert_eq!((queue.queued, queue.accounts().len()), (4_096, 4_096), "each has one by now");
    // Among equals who came first stays.
    assert_eq!(begin(&mut queue, 5_000, 8), Some(8));
    assert_eq!(begin(&mut queue, 1, 8), Some(8));
    queue.clear();
    assert!(queue.is_idle() && queue.next().is_none() && queue.accounts().is_empty());
}

#[test]
fn a_single_place_is_shared() {
    let mut queue = Queue::new(1);
    assert!(begin(&mut queue, 1, 1).is_none() && begin(&mut queue, 2, 2).is_none());
    assert_eq!(next(&mut queue), Some((1, 1)));
    assert_eq!(next(&mut queue), None);
    queue.done(account(1), Lane::Begun);
    // What is due gets it, and then what waits.
    queue.leave_places(true);
    assert_eq!((queue.free(), next(&mut queue)), (1, None));
    assert_eq!(queue.push(account(3), Lane::Due, 3), None);
    assert_eq!(next(&mut queue), Some((3, 3)));
    queue.done(account(3), Lane::Due);
    queue.leave_places(false);
    assert_eq!(next(&mut queue), Some((2, 2)));
}

#[test]
fn a_quarter_of_the_places_is_left_to_what_is_due() {
    let mut queue = Queue::new(8);
    for of in (1..=8).cycle().take(80) {
        assert_eq!(begin(&mut queue, of, of), None);
    }
    assert_eq!(std::iter::from_fn(|| next(&mut queue)).count(), 8);
    assert_eq!(queue.free(), 0);
    queue.leave_places(true);
    assert!(!queue.leaves_a_place());
    for (of, free) in [(1, 1), (2, 2), (3, 2)] {
        queue.done(account(of), Lane::Begun);
        let begun = next(&mut queue).is_some();
        assert_eq!((queue.free(), begun), (free, of == 3), "two are left, and what waits gets the third");
    }
    assert!(queue.leaves_a_place());
    for number in 0..3 {
        assert_eq!(queue.push(account(20 + number), Lane::Due, 0), None);
    }
    assert_eq!(queue.next(), Some((account(20), Lane::Due, 0)));
    assert_eq!(queue.next(), Some((account(21), Lane::Due, 0)));
    assert_eq!((queue.next(), queue.free(), queue.leaves_a_place()), (None, 0, false));
    // Where nothing is due any more all places are for what is begun.
    queue.done(account(20), Lane::Due);
    queue.leave_places(false);
    assert!(queue.next().is_some());
    assert_eq!(queue.next(), None);
}

#[test]
fn what_is_due_goes_before_what_its_account_begins() {
    let mut queue = Queue::new(1);
    assert_eq!(begin(&mut queue, 1, 1), None);
    for work in [2, 3] {
        assert_eq!(queue.push(account(1), Lane::Due, work), None);
    }
    assert_eq!(queue.waiting[&account(1)], [(Lane::Due, 2), (Lane::Due, 3), (Lane::Begun, 1)]);
    assert_eq!(next(&mut queue), Some((1, 2)));
    // Its share is taken, so no more of it is looked for.
    queue.clear();
    assert_eq!(queue.accounts(), [account(1)]);
}
