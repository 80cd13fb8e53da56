//! The bounded event queue: pushes and what the library itself says, in one order.
//!
//! When it is full the oldest push goes and a gap stands in its place, with the count of all that went
//! there. What the library says (a notice) is never dropped.

use std::collections::VecDeque;
use std::ffi::CString;

use crate::config::Bounds;

/// Once this many notices are queued, a new retry notice replaces the previous one.
const NOTICES_BEFORE_RENEWAL: usize = 1024;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An event's text.
    Event(CString),
    /// So many pushes are missing here.
    Gap(u64),
}

/// An event and its place in the stream.
type Placed = (u64, CString);

/// The queue of one session.
#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    /// The place of the next entry.
    next: u64,
    pushes: VecDeque<Placed>,
    push_bytes: usize,
    notices: VecDeque<Placed>,
    /// The place of the newest notice that may be renewed.
    renewable: Option<u64>,
    /// Places of the first push that is missing, and how many are.
    gaps: VecDeque<(u64, u64)>,
    /// Stands behind everything else.
    last: Option<CString>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            next: 0,
            pushes: VecDeque::new(),
            push_bytes: 0,
            notices: VecDeque::new(),
            renewable: None,
            gaps: VecDeque::new(),
            last: None,
        }
    }

    /// Appends a push. Returns how many pushes were dropped for it.
    pub(crate) fn push(&mut self, text: CString) -> u64 {
        self.push_bytes += text.count_bytes();
        let place = self.place();
        self.pushes.push_back((place, text));
        self.make_room()
    }

    /// Appends a notice.
    pub(crate) fn notice(&mut self, text: CString) {
        let place = self.place();
        self.notices.push_back((place, text));
    }

    /// Appends a notice like many before it. Where very many notices wait, it takes the place of the one
    /// before if that is the newest entry and was put in likewise.
    pub(crate) fn renew_notice(&mut self, text: CString) {
        let newest = self.next.checked_sub(1);
        let like_it = self.notices.len() >= NOTICES_BEFORE_RENEWAL && self.renewable == newest;
        match self.notices.back_mut() {
            Some((place, before)) if like_it && Some(*place) == newest => *before = text,
            _ => {
                self.renewable = Some(self.next);
                self.notice(text);
            }
        }
    }

    /// Sets what comes out when all else has.
    pub(crate) fn end_with(&mut self, text: CString) {
        self.last = Some(text);
    }

    /// The stream goes on after all, with other bounds. Returns how many pushes were dropped for them.
    pub(crate) fn reopen(&mut self, bounds: Bounds) -> u64 {
        self.last = None;
        self.bounds = bounds;
        self.make_room()
    }

    /// The next entry.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let place = |front: Option<&Placed>| front.map_or(u64::MAX, |(place, _)| *place);
        let (push, notice) = (place(self.pushes.front()), place(self.notices.front()));
        let gap = self.gaps.front().map_or(u64::MAX, |(place, _)| *place);
        if gap < push.min(notice) {
            return self.gaps.pop_front().map(|(_, count)| Entry::Gap(count));
        }
        let text = if notice < push {
            self.notices.pop_front().map(|(_, text)| text)
        } else if let Some((_, text)) = self.pushes.pop_front() {
            self.push_bytes -= text.count_bytes();
            Some(text)
        } else {
            self.last.take()
        };
        text.map(Entry::Event)
    }

    /// How many entries wait.
    pub(crate) fn len(&self) -> usize {
        self.pushes.len() + self.notices.len() + self.gaps.len() + usize::from(self.last.is_some())
    }

    /// How many notices wait.
    pub(crate) fn notices(&self) -> usize {
        self.notices.len()
    }

    /// The size of the pushes that wait.
    pub(crate) fn push_bytes(&self) -> usize {
        self.push_bytes
    }

    fn place(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn make_room(&mut self) -> u64 {
        let mut dropped = 0;
        while self.pushes.len() > 1
            && (self.pushes.len() > self.bounds.events || self.push_bytes > self.bounds.bytes)
        {
            let Some((place, text)) = self.pushes.pop_front() else { break };
            self.push_bytes -= text.count_bytes();
            self.mark(place);
            dropped += 1;
        }
        dropped
    }

    /// Counts a push that is missing to the gap before it, unless a notice stands between.
    fn mark(&mut self, place: u64) {
        if let Some((start, count)) = self.gaps.back_mut() {
            let after_gap = self.notices.partition_point(|(notice, _)| *notice < *start);
            let after_push = self.notices.partition_point(|(notice, _)| *notice < place);
            if after_gap == after_push {
                *count += 1;
                return;
            }
        }
        self.gaps.push_back((place, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> CString {
        CString::new(text).unwrap()
    }

    fn drain(queue: &mut Queue) -> Vec<String> {
        let mut out = Vec::new();
        while let Some(entry) = queue.pop() {
            out.push(match entry {
                Entry::Event(text) => text.into_string().unwrap(),
                Entry::Gap(count) => format!("-{count}"),
            });
        }
        assert_eq!((queue.len(), queue.push_bytes()), (0, 0));
        out
    }

    fn queue(events: usize, bytes: usize) -> Queue {
        Queue::new(Bounds { events, bytes })
    }

    #[test]
    fn everything_comes_out_in_the_order_it_went_in() {
        let mut queue = queue(10, 100);
        queue.end_with(text("end"));
        for name in ["p1", "s1", "s2", "p2", "p3", "s3"] {
            if name.starts_with('p') {
                assert_eq!(queue.push(text(name)), 0);
            } else {
                queue.notice(text(name));
            }
        }
        assert_eq!(queue.len(), 7);
        assert_eq!(drain(&mut queue), ["p1", "s1", "s2", "p2", "p3", "s3", "end"]);
    }

    #[test]
    fn a_gap_stands_where_pushes_are_missing() {
        let mut queue = queue(2, 100);
        queue.notice(text("s0"));
        for name in ["p1", "p2"] {
            queue.push(text(name));
        }
        queue.notice(text("s1"));
        assert_eq!(queue.push(text("p3")), 1);
        assert_eq!(queue.push(text("p4")), 1);
        queue.notice(text("s2"));
        assert_eq!(queue.push(text("p5")), 1);
        assert_eq!(drain(&mut queue), ["s0", "-2", "s1", "-1", "p4", "s2", "p5"]);
    }

    #[test]
    fn a_gap_that_was_delivered_is_not_counted_again() {
        let mut queue = queue(1, 100);
        queue.push(text("p1"));
        queue.push(text("p2"));
        assert_eq!(queue.pop(), Some(Entry::Gap(1)));
        queue.push(text("p3"));
        assert_eq!(drain(&mut queue), ["-1", "p3"]);
    }

    #[test]
    fn bytes_bound_it_too_but_the_newest_push_stays() {
        let mut queue = queue(100, 10);
        for name in ["12345", "67890", "abc"] {
            queue.push(text(name));
        }
        assert_eq!(queue.push_bytes(), 8);
        assert_eq!(queue.push(text("larger than the whole queue")), 2);
        assert_eq!(drain(&mut queue), ["-3", "larger than the whole queue"]);
    }

    #[test]
    fn the_stream_goes_on_under_smaller_bounds() {
        let mut queue = queue(100, 100);
        for name in ["p1", "p2", "p3"] {
            queue.push(text(name));
        }
        queue.end_with(text("end"));
        assert_eq!(queue.reopen(Bounds { events: 1, bytes: 100 }), 2);
        assert_eq!(drain(&mut queue), ["-2", "p3"]);
    }

    #[test]
    fn only_where_many_wait_a_renewed_notice_replaces_one_like_it() {
        let mut queue = queue(100, 100);
        for _ in 0..NOTICES_BEFORE_RENEWAL - 2 {
            queue.renew_notice(text("r0"));
        }
        queue.notice(text("s1"));
        queue.renew_notice(text("r1"));
        queue.renew_notice(text("r2"));
        queue.push(text("p1"));
        queue.renew_notice(text("r3"));
        queue.notice(text("s2"));
        queue.renew_notice(text("r4"));
        let all = drain(&mut queue);
        assert_eq!(all[all.len() - 6..], ["s1", "r2", "p1", "r3", "s2", "r4"]);
        assert_eq!(all.len(), NOTICES_BEFORE_RENEWAL + 4);
    }
}
