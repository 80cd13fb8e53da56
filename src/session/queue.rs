//! The bounded event queue: pushes and the library's own events (notices), in one order.
//!
//! When the queue is full, it drops the oldest push and leaves a gap in its place, which counts the pushes
//! missing there. It never drops a notice, except log lines, which go before any push.

use std::collections::VecDeque;

use crate::config::Bounds;
use crate::sys::Text;

/// Once this many notices are queued, a new retry notice replaces the previous one.
const NOTICES_BEFORE_RENEWAL: usize = 1024;

/// A notice of up to this size always has room. Others bound their number.
const SMALL_NOTICE: usize = 4096;

/// What the queue returns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An event's text.
    Event(Text),
    /// The same, of a push that came for an earlier session, which may have wanted more than the present one.
    Inherited(Text),
    /// This many log lines are missing before the next one.
    LostLog(u64),
    /// This many pushes are missing here.
    Gap(u64),
}

/// An event and its place in the stream.
type Placed = (u64, Text);

/// The queue of one session.
#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    /// The place of the next entry.
    next: u64,
    pushes: VecDeque<Placed>,
    push_bytes: usize,
    notices: VecDeque<Placed>,
    notice_bytes: usize,
    /// Log lines. They count like pushes, and go first when there is no room.
    logs: VecDeque<Placed>,
    log_bytes: usize,
    /// Log lines dropped since the last one that was returned.
    lost_logs: u64,
    /// The place of the newest notice that may be renewed.
    renewable: Option<u64>,
    /// For each gap, the place of its first missing push and the number of missing pushes.
    gaps: VecDeque<(u64, u64)>,
    /// Pushes before this place are [`Entry::Inherited`].
    inherited_before: u64,
    /// Comes after everything else.
    last: Option<Text>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            next: 0,
            pushes: VecDeque::new(),
            push_bytes: 0,
            notices: VecDeque::new(),
            notice_bytes: 0,
            logs: VecDeque::new(),
            log_bytes: 0,
            lost_logs: 0,
            renewable: None,
            gaps: VecDeque::new(),
            inherited_before: 0,
            last: None,
        }
    }

    /// Appends a push. Returns how many pushes it displaced.
    pub(crate) fn push(&mut self, text: Text) -> u64 {
        self.push_bytes += text.len();
        let place = self.place();
        self.pushes.push_back((place, text));
        let mut dropped = 0;
        self.make_room(|_| dropped += 1);
        dropped
    }

    /// Appends a notice.
    pub(crate) fn notice(&mut self, text: Text) {
        self.notice_bytes += text.len();
        let place = self.place();
        self.notices.push_back((place, text));
    }

    /// Appends a notice like many before it. Once very many notices wait, it replaces the newest entry if
    /// that was appended the same way.
    pub(crate) fn renew_notice(&mut self, text: Text) {
        let newest = self.next.checked_sub(1);
        let like_it = self.notices.len() >= NOTICES_BEFORE_RENEWAL && self.renewable == newest;
        match self.notices.back_mut() {
            Some((place, before)) if like_it && Some(*place) == newest => {
                self.notice_bytes += text.len();
                self.notice_bytes -= before.len();
                *before = text;
            }
            _ => {
                self.renewable = Some(self.next);
                self.notice(text);
            }
        }
    }

    /// Appends a log line. It displaces no push.
    pub(crate) fn log(&mut self, text: Text) {
        self.log_bytes += text.len();
        let place = self.place();
        self.logs.push_back((place, text));
        self.make_room_of_logs();
    }

    /// Whether a notice of this size has room: the result of a call can be as large as the hub likes.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        bytes <= SMALL_NOTICE || self.notice_bytes + bytes <= self.bounds.bytes
    }

    /// Sets the entry that comes after everything else.
    pub(crate) fn end_with(&mut self, text: Text) {
        self.last = Some(text);
    }

    /// Reopens the queue after `end_with`.
    pub(crate) fn reopen(&mut self) {
        self.last = None;
    }

    /// Changes the bounds. Returns the pushes dropped for them: there may be many to free.
    pub(crate) fn set_bounds(&mut self, bounds: Bounds) -> Vec<Text> {
        self.bounds = bounds;
        let mut dropped = Vec::new();
        self.make_room(|text| dropped.push(text));
        dropped
    }

    /// Marks the waiting pushes: another session inherits them.
    pub(crate) fn inherit(&mut self) {
        self.inherited_before = self.next;
    }

    /// The number of pushes that went in and did not come out.
    pub(crate) fn unread_pushes(&self) -> u64 {
        let missing: u64 = self.gaps.iter().map(|(_, count)| count).sum();
        missing + u64::try_from(self.pushes.len()).unwrap_or(u64::MAX)
    }

    /// Returns the next entry.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let place = |front: Option<&Placed>| front.map_or(u64::MAX, |(place, _)| *place);
        let (push, notice) = (place(self.pushes.front()), place(self.notices.front()));
        let gap = self.gaps.front().map_or(u64::MAX, |(place, _)| *place);
        let log = place(self.logs.front());
        if log < push.min(notice).min(gap) {
            return self.pop_log();
        }
        if gap < push.min(notice) {
            return self.gaps.pop_front().map(|(_, count)| Entry::Gap(count));
        }
        let text = if notice < push {
            self.notices.pop_front().map(|(_, text)| text).inspect(|text| self.notice_bytes -= text.len())
        } else if let Some((place, text)) = self.pushes.pop_front() {
            self.push_bytes -= text.len();
            return Some(if place < self.inherited_before {
                Entry::Inherited(text)
            } else {
                Entry::Event(text)
            });
        } else {
            self.last.take()
        };
        text.map(Entry::Event)
    }

    /// The number of waiting entries.
    pub(crate) fn len(&self) -> usize {
        self.pushes.len()
            + self.notices.len()
            + self.logs.len()
            + self.gaps.len()
            + usize::from(self.last.is_some())
    }

    /// The number of waiting notices.
    pub(crate) fn notices(&self) -> usize {
        self.notices.len()
    }

    /// The size of what waits.
    pub(crate) fn bytes(&self) -> usize {
        self.push_bytes + self.notice_bytes + self.log_bytes
    }

    fn place(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn make_room(&mut self, mut dropped: impl FnMut(Text)) {
        self.make_room_of_logs();
        while self.pushes.len() > 1
            && (self.pushes.len() > self.bounds.events || self.push_bytes > self.bounds.bytes)
        {
            let Some((place, text)) = self.pushes.pop_front() else { break };
            self.push_bytes -= text.len();
            self.mark(place);
            dropped(text);
        }
    }

    fn pop_log(&mut self) -> Option<Entry> {
        let lost = std::mem::take(&mut self.lost_logs);
        if lost > 0 {
            return Some(Entry::LostLog(lost));
        }
        let (_, text) = self.logs.pop_front()?;
        self.log_bytes -= text.len();
        Some(Entry::Event(text))
    }

    fn make_room_of_logs(&mut self) {
        while self.pushes.len() + self.logs.len() > self.bounds.events
            || self.push_bytes + self.log_bytes > self.bounds.bytes
        {
            let Some((_, text)) = self.logs.pop_front() else { break };
            self.log_bytes -= text.len();
            self.lost_logs += 1;
        }
    }

    /// Adds a missing push to the gap before it, unless a notice stands between.
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

    fn text(text: &str) -> Text {
        Text::new(text)
    }

    fn drain(queue: &mut Queue) -> Vec<String> {
        let mut out = Vec::new();
        while let Some(entry) = queue.pop() {
            out.push(match entry {
                Entry::Event(text) => text.as_str().to_owned(),
                Entry::Inherited(text) => format!("inherited {}", text.as_str()),
                Entry::Gap(count) => format!("-{count}"),
                Entry::LostLog(count) => format!("-{count} lines"),
            });
        }
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
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
        assert_eq!(queue.bytes(), 8);
        assert_eq!(queue.push(text("larger than the whole queue")), 2);
        assert_eq!(drain(&mut queue), ["-3", "larger than the whole queue"]);
    }

    #[test]
    fn lines_of_the_log_are_bounded_and_take_no_pushs_room() {
        let mut queue = queue(3, 10);
        for name in ["l1", "l2", "l3", "l4"] {
            queue.log(text(name));
        }
        assert_eq!((queue.len(), queue.push(text("p1"))), (3, 0));
        queue.notice(text("a notice of some length"));
        queue.log(text("l5"));
        assert_eq!(drain(&mut queue), ["-3 lines", "l4", "p1", "a notice of some length", "l5"]);
        // at the size bound, and if only pushes wait
        queue.log(text("1234567"));
        assert_eq!(queue.push(text("p12")) + queue.push(text("p2")) + queue.push(text("p3")), 0);
        queue.log(text("l6"));
        assert_eq!(drain(&mut queue), ["p12", "p2", "p3"]);
        queue.log(text("l7"));
        assert_eq!(drain(&mut queue), ["-2 lines", "l7"]);
    }

    #[test]
    fn a_large_result_needs_room() {
        let mut queue = queue(3, 10_000);
        assert!(queue.has_room(10_000) && !queue.has_room(10_001));
        queue.notice(text(&"x".repeat(6_000)));
        assert!(queue.has_room(4_000) && queue.has_room(SMALL_NOTICE) && !queue.has_room(SMALL_NOTICE + 1));
        queue.pop();
        assert!(queue.has_room(10_000));
    }

    #[test]
    fn the_stream_goes_on_under_smaller_bounds() {
        let mut queue = queue(100, 100);
        for name in ["p1", "p2", "p3"] {
            queue.push(text(name));
        }
        queue.end_with(text("end"));
        queue.reopen();
        // the caller frees them, without the lock
        assert_eq!(queue.set_bounds(Bounds { events: 1, bytes: 100 }), [text("p1"), text("p2")]);
        assert_eq!(queue.unread_pushes(), 3);
        assert_eq!(drain(&mut queue), ["-2", "p3"]);
    }

    #[test]
    fn pushes_that_wait_are_marked_and_what_follows_is_not() {
        let mut queue = queue(100, 100);
        queue.push(text("p1"));
        queue.notice(text("s1"));
        queue.inherit();
        queue.push(text("p2"));
        assert_eq!(drain(&mut queue), ["inherited p1", "s1", "p2"]);
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
