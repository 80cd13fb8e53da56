//! Under miri these also show that nothing is used after it is freed, that nothing leaks, and that no thread sees what
//! another one has not finished.

use std::collections::HashSet;
use std::ffi::CStr;
use std::thread;

use super::*;

fn block(text: &Text) -> Block {
    // SAFETY: the text has a reference.
    unsafe { Block::of(text.0) }
}

fn references(text: &Text) -> usize {
    // SAFETY: as above.
    unsafe { block(text).references() }
}

/// The number of blocks that these texts share.
fn blocks(texts: &[Text]) -> usize {
    texts.iter().map(block).collect::<HashSet<_>>().len()
}

/// What a host does with an event.
fn give_and_take_back(text: Text, expected: &str) {
    let raw = text.into_raw();
    assert!(raw.addr().is_multiple_of(8));
    // SAFETY: it is NUL-terminated.
    assert_eq!(unsafe { CStr::from_ptr(raw) }.to_str(), Ok(expected));
    // SAFETY: it was given once.
    drop(unsafe { Text::from_raw(raw) });
}

/// Texts of every length up to this, the same in every run, in one batch.
fn ladder(lengths: usize) -> (Vec<String>, Vec<Text>) {
    let lines: Vec<_> =
        (0..lengths).map(|length| "0123456789".chars().cycle().skip(length).take(length).collect()).collect();
    let mut batch = Batch::default();
    let texts = lines.iter().map(|line: &String| batch.add(line)).collect();
    (lines, texts)
}

#[test]
fn a_text_is_held_once_and_freed_with_its_last_holder() {
    for text in ["", "x", "{\"type\":\"EVENT_911\"}", &"y".repeat(300_000)] {
        let first = Text::new(text);
        let second = first.clone();
        assert_eq!((first.len(), first.as_str(), references(&first)), (text.len(), text, 2));
        let (one, other) = (first.into_raw(), second.into_raw());
        assert_eq!(one, other);
        // SAFETY: each was given once.
        drop(unsafe { Text::from_raw(one) });
        // SAFETY: as above.
        let last = unsafe { Text::from_raw(other) }.unwrap();
        assert_eq!(references(&last), 1);
        give_and_take_back(last, text);
    }
}

#[test]
fn nothing_is_taken_back_from_null() {
    // SAFETY: NULL is fine.
    assert!(unsafe { Text::from_raw(std::ptr::null_mut()) }.is_none());
}

#[test]
fn texts_of_a_batch_are_released_in_any_order() {
    let lengths = if cfg!(miri) { 100 } else { 5_000 };
    let orders: [fn(usize) -> usize; 3] = [|at| at, |at| usize::MAX - at, |at| at * 7919 % 101];
    for order in orders {
        let (lines, texts) = ladder(lengths);
        let mut all: Vec<_> = lines.into_iter().zip(texts).collect();
        all.sort_by_key(|(line, _)| order(line.len()));
        all.into_iter().for_each(|(line, text)| give_and_take_back(text, &line));
    }
}

#[test]
fn a_batch_of_many_texts_takes_few_blocks() {
    let mut batch = Batch::default();
    let line = "x".repeat(120);
    let texts: Vec<_> = (0..1000).map(|_| batch.add(&line)).collect();
    assert!(blocks(&texts) < 25, "{} blocks", blocks(&texts));
    assert!(blocks(&texts[500..]) <= 6, "{} blocks", blocks(&texts[500..]));
    // a large one leaves the open block to the others
    let large = batch.add(&"x".repeat(MAX_BLOCK));
    assert_eq!(references(&large), 1);
    let more = batch.add("next");
    assert_eq!(block(&more), block(&texts[999]));
    // what is closed counts just its texts
    batch.end();
    let last = |text: &&Text| block(text) == block(&more);
    assert_eq!(references(&more), 1 + texts.iter().filter(last).count());
}

#[test]
fn a_block_is_at_most_as_large_as_what_came_before() {
    for length in [0, 1, 7, 8, 9, 100, 500, 1000, 4000, 5000, 20_000] {
        let mut batch = Batch::default();
        let line = "x".repeat(length);
        let (mut before, mut open) = (0, None);
        for _ in 0..if cfg!(miri) { 20 } else { 200 } {
            let text = batch.add(&line);
            if let Some(size) = batch.open.as_ref().map(|open| open.size).filter(|size| open != Some(*size)) {
                assert!(size <= before && size <= MAX_BLOCK, "{size} after {before}");
                open = Some(size);
            }
            before += Block::room(text.len());
        }
        assert_eq!(open.is_some(), Block::room(length) <= MAX_BLOCK / PART, "{length}");
    }
}

#[test]
fn a_single_text_is_alone_and_a_batch_that_has_ended_holds_nothing() {
    let mut batch = Batch::default();
    let texts: Vec<_> = (0..3)
        .map(|_| {
            let text = batch.add("one event");
            batch.end();
            text
        })
        .collect();
    assert_eq!(blocks(&texts), 3);
    assert!(texts.iter().all(|text| references(text) == 1));
}

#[test]
fn a_block_outlives_its_batch_and_a_batch_its_texts() {
    let mut batch = Batch::default();
    (0..100).for_each(|_| drop(batch.add("dropped at once")));
    let kept = batch.add("kept");
    assert!(references(&kept) > OPEN / 2);
    drop(batch);
    assert_eq!(references(&kept), 1);
    assert_eq!(kept.as_str(), "kept");
}

#[test]
fn a_host_that_writes_into_its_text_harms_no_other() {
    let (lines, texts) = ladder(60);
    let mut raw: Vec<_> = texts.into_iter().map(Text::into_raw).collect();
    for (line, text) in lines.iter().zip(&raw).step_by(2) {
        // SAFETY: so many bytes are there, and the NUL.
        unsafe { text.cast::<u8>().write_bytes(0xff, line.len() + 1) };
    }
    for (line, text) in lines.iter().zip(&raw).skip(1).step_by(2) {
        // SAFETY: it is NUL-terminated still.
        assert_eq!(unsafe { CStr::from_ptr(*text) }.to_str(), Ok(line.as_str()));
    }
    // SAFETY: each was given once.
    raw.drain(..).for_each(|text| drop(unsafe { Text::from_raw(text) }));
}

#[test]
fn threads_share_blocks_and_the_last_one_frees_them() {
    const READERS: usize = 3;
    let texts = if cfg!(miri) { 60 } else { 20_000 };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let (sender, receiver) = std::sync::mpsc::channel::<Text>();
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for (number, text) in receiver.into_iter().enumerate() {
                        assert_eq!(text.as_str(), number.to_string());
                        kept.push(text.clone());
                        if number.is_multiple_of(7) {
                            kept.clear();
                        }
                    }
                });
                sender
            })
            .collect();
        let mut batch = Batch::default();
        for number in 0..texts {
            let text = batch.add(&number.to_string());
            readers.iter().for_each(|reader| reader.send(text.clone()).unwrap());
            if number % 500 == 499 {
                batch.end();
            }
        }
    });
}
