//! Whose attempt is next: accounts take turns, and none has more than its share of the places.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// What waits for a place, and what has one. Bounded: what finds no room stays in the database alone.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// Places in all.
    places: usize,
    /// Places that one account has at the most.
    share: usize,
    running: HashMap<Uuid, usize>,
    taken: usize,
    waiting: HashMap<Uuid, VecDeque<T>>,
    /// Accounts with something that waits, each once, whose turn it is first.
    turns: VecDeque<Uuid>,
    queued: usize,
}

impl<T> Queue<T> {
    /// What one account may have waiting here.
    const WAITING: usize = 512;
    /// What may wait here in all.
    const QUEUED: usize = 4_096;

    /// With so many places, a quarter of which one account may have.
    pub fn new(places: usize) -> Self {
        Self {
            places,
            share: (places / 4).max(1),
            running: HashMap::new(),
            taken: 0,
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            queued: 0,
        }
    }

    /// Places that nothing has, and that nothing which waits here is going to have at once.
    pub fn free(&self) -> usize {
        let begin = |(account, line): (&Uuid, &VecDeque<T>)| {
            let running = self.running.get(account).copied().unwrap_or(0);
            line.len().min(self.share.saturating_sub(running))
        };
        let soon: usize = self.waiting.iter().map(begin).sum();
        self.places.saturating_sub(self.taken + soon)
    }

    /// Accounts with something that waits here.
    pub fn accounts(&self) -> Vec<Uuid> {
        self.turns.iter().copied().collect()
    }

    /// Nothing runs, and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.taken == 0 && self.queued == 0
    }

    /// Forget what waits.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.turns.clear();
        self.queued = 0;
    }

    /// Have it wait for its account's turn; it comes back when there is no room for it.
    pub fn push(&mut self, account: Uuid, work: T) -> Option<T> {
        let known = self.waiting.get(&account).map_or(0, VecDeque::len);
        if self.queued >= Self::QUEUED || known >= Self::WAITING {
            return Some(work);
        }
        let line = self.waiting.entry(account).or_default();
        if line.is_empty() {
            self.turns.push_back(account);
        }
        line.push_back(work);
        self.queued += 1;
        None
    }

    /// Whose turn it is, when there is a place: of the accounts that have not their share yet, who waits longest for a turn.
    pub fn next(&mut self) -> Option<(Uuid, T)> {
        if self.taken >= self.places {
            return None;
        }
        let has_room = |account: &Uuid| self.running.get(account).is_none_or(|running| *running < self.share);
        let account = self.turns.remove(self.turns.iter().position(has_room)?)?;
        let line = self.waiting.get_mut(&account)?;
        let work = line.pop_front()?;
        if line.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        self.queued -= 1;
        self.taken += 1;
        *self.running.entry(account).or_default() += 1;
        Some((account, work))
    }

    /// An attempt of the account has ended.
    pub fn done(&mut self, account: Uuid) {
        if let Some(running) = self.running.get_mut(&account) {
            *running -= 1;
            self.taken -= 1;
            if *running == 0 {
                self.running.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn one_account_never_has_all_places() {
        let mut queue = Queue::new(8);
        for number in 0..8 {
            assert_eq!(queue.push(account(1), number), None);
        }
        let begun: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(begun, [(account(1), 0), (account(1), 1)], "two of eight places are its share");
        // Who comes later goes before what waits.
        assert_eq!(queue.push(account(2), 100), None);
        assert_eq!(queue.next(), Some((account(2), 100)));
        assert_eq!(queue.next(), None);
        queue.done(account(1));
        assert_eq!(queue.next(), Some((account(1), 2)));
    }

    #[test]
    fn accounts_take_turns() {
        let mut queue = Queue::new(16);
        for number in 0..3 {
            for of in 1..=3 {
                assert_eq!(queue.push(account(of), number), None);
            }
        }
        let order: Vec<u128> = std::iter::from_fn(|| queue.next()).map(|(account, _)| account.as_u128()).collect();
        assert_eq!(order, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn many_accounts_wait_for_places() {
        let mut queue = Queue::new(4);
        for of in 1..=10 {
            assert_eq!(queue.push(account(of), ()), None);
        }
        assert_eq!(std::iter::from_fn(|| queue.next()).count(), 4);
        queue.done(account(2));
        queue.done(account(2));
        assert_eq!(std::iter::from_fn(|| queue.next()).map(|(account, ())| account.as_u128()).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut queue = Queue::new(4);
        let kept = (0..1_000).filter(|number| queue.push(account(1), *number).is_none()).count();
        assert_eq!((kept, queue.free()), (512, 3), "of one account, which gets one place");
        let of = |number: i32| account(2 + u128::try_from(number).unwrap());
        let kept = (0..5_000).filter(|number| queue.push(of(*number), *number).is_none()).count();
        assert_eq!((kept, queue.free()), (4_096 - 512, 0), "of all accounts");
        assert_eq!((queue.push(account(1), 7), queue.accounts().len()), (Some(7), 1 + 4_096 - 512));
        queue.clear();
        assert!(queue.is_idle() && queue.next().is_none() && queue.accounts().is_empty());
    }

    #[test]
    fn a_single_place_is_shared() {
        let mut queue = Queue::new(1);
        assert!(queue.push(account(1), 1).is_none() && queue.push(account(2), 2).is_none());
        assert_eq!(queue.next(), Some((account(1), 1)));
        assert_eq!(queue.next(), None);
        queue.done(account(1));
        assert_eq!(queue.next(), Some((account(2), 2)));
    }
}
