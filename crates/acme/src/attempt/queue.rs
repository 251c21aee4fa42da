//! Whose attempt is next: accounts take turns, and none has more than its share of the places.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// Where what is tried comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A client has begun it just now.
    Begun,
    /// It was due in the database.
    Due,
}

/// What waits for a place, and what has one. Bounded: what finds no room stays in the database alone.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// Places in all.
    places: usize,
    /// Places that one account has at the most.
    share: usize,
    /// Places that what is begun leaves to what is due, or whoever begins much would keep all others from being tried again.
    kept: usize,
    /// Something may be due in the database.
    due: bool,
    running: HashMap<Uuid, usize>,
    taken: usize,
    /// How many of those were due.
    taken_by_due: usize,
    waiting: HashMap<Uuid, VecDeque<(Lane, T)>>,
    /// Accounts with something that waits, each once, whose turn it is first.
    turns: VecDeque<Uuid>,
    queued: usize,
}

impl<T> Queue<T> {
    /// What one account may have waiting here.
    const WAITING: usize = 512;
    /// What may wait here in all.
    const QUEUED: usize = 4_096;

    /// With so many places, a quarter of which one account may have, and a quarter of which is kept for what is due.
    pub fn new(places: usize) -> Self {
        Self {
            places,
            share: (places / 4).max(1),
            kept: (places / 4).max(1),
            due: false,
            running: HashMap::new(),
            taken: 0,
            taken_by_due: 0,
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            queued: 0,
        }
    }

    /// Places for what is due: those kept for it, and those that nothing which waits here is going to have at once.
    pub fn free(&self) -> usize {
        let idle = self.places.saturating_sub(self.taken);
        let begin = |(account, line): (&Uuid, &VecDeque<_>)| line.len().min(self.room_of(account));
        let soon: usize = self.waiting.iter().map(begin).sum();
        let kept = self.kept.saturating_sub(self.taken_by_due).min(idle);
        idle.saturating_sub(soon).max(kept)
    }

    /// Whether something may be due: from now on the places kept for it are left to it, or not.
    pub fn leave_places(&mut self, due: bool) {
        self.due = due;
    }

    /// A place waits for what is due.
    pub fn leaves_a_place(&self) -> bool {
        self.due && self.taken < self.places
    }

    /// Places that an account may have beside those that it has.
    fn room_of(&self, account: &Uuid) -> usize {
        self.share.saturating_sub(self.running.get(account).copied().unwrap_or(0))
    }

    /// Accounts with something that waits here, or with their share of the places: more of theirs would not begin.
    pub fn accounts(&self) -> Vec<Uuid> {
        let full = self.running.keys().filter(|account| self.room_of(account) == 0);
        let full = full.filter(|account| !self.waiting.contains_key(account));
        self.turns.iter().chain(full).copied().collect()
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

    /// Have it wait for its account's turn. What finds no room comes back: it itself, or where all lines together are too long
    /// the last of the longest, so that whoever has many in it keeps out nobody who has few.
    pub fn push(&mut self, account: Uuid, lane: Lane, work: T) -> Option<T> {
        let known = self.waiting.get(&account).map_or(0, VecDeque::len);
        if known >= Self::WAITING {
            return Some(work);
        }
        let mut left = None;
        if self.queued >= Self::QUEUED {
            // It goes on being the longest, or one of them: it has another one yet.
            let longest = self.waiting.values_mut().max_by_key(|line| line.len());
            let Some(longest) = longest.filter(|line| line.len() > known + 1) else { return Some(work) };
            left = longest.pop_back().map(|(_, work)| work);
            self.queued -= 1;
        }
        let line = self.waiting.entry(account).or_default();
        if line.is_empty() {
            self.turns.push_back(account);
        }
        let at = match lane {
            Lane::Begun => line.len(),
            Lane::Due => line.partition_point(|(lane, _)| *lane == Lane::Due),
        };
        line.insert(at, (lane, work));
        self.queued += 1;
        left
    }

    /// Whose turn it is, when there is a place: of the accounts that have not their share yet, who waits longest for a turn.
    pub fn next(&mut self) -> Option<(Uuid, Lane, T)> {
        if self.taken >= self.places {
            return None;
        }
        let begun = self.taken - self.taken_by_due;
        let begins = !self.due || begun < self.places - self.kept;
        let may = |account: &Uuid| {
            let lane = self.waiting.get(account).and_then(VecDeque::front).map(|(lane, _)| *lane);
            self.room_of(account) > 0 && (begins || lane == Some(Lane::Due))
        };
        let account = self.turns.remove(self.turns.iter().position(may)?)?;
        let line = self.waiting.get_mut(&account)?;
        let (lane, work) = line.pop_front()?;
        if line.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        self.queued -= 1;
        self.taken += 1;
        self.taken_by_due += usize::from(lane == Lane::Due);
        *self.running.entry(account).or_default() += 1;
        Some((account, lane, work))
    }

    /// An attempt of the account has ended.
    pub fn done(&mut self, account: Uuid, lane: Lane) {
        if let Some(running) = self.running.get_mut(&account) {
            *running -= 1;
            self.taken -= 1;
            self.taken_by_due -= usize::from(lane == Lane::Due);
            if *running == 0 {
                self.running.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests;
