use std::collections::VecDeque;

use super::pace::AFTER_ANSWER;
use super::update::{MAX_DEPTH, MAX_UNIT_BYTES};
use super::*;

const INTERVAL: Duration = Duration::from_millis(250);
const TOO_FAST: &str = "UNIT_LOCATION updates are limited to every 200ms.";

fn unit(id: usize, x: usize) -> String {
    format!(r#"{{"identId":{id},"location":"L","coordinates":{{"x":{x},"y":0,"z":0}}}}"#)
}

fn give(units: &mut Units, now: Instant, ids: std::ops::Range<usize>, x: usize) {
    let updates: Vec<_> = ids.map(|id| unit(id, x)).collect();
    units.update(now, parse(&format!("[{}]", updates.join(","))).unwrap()).unwrap();
}

fn ids(arguments: &str) -> Vec<u64> {
    let value: serde_json::Value = serde_json::from_str(arguments).unwrap();
    value[0].as_array().unwrap().iter().map(|unit| unit["identId"].as_u64().unwrap()).collect()
}

#[test]
fn an_error_names_the_entry_and_the_field() {
    for (updates, part) in [
        ("{}", "an array"),
        ("[", "not valid JSON"),
        ("[]x", "not valid JSON"),
        ("[1]", "unit update 0: expected an object"),
        (r#"[{"location":"L"}]"#, "communityUserId, roblox, apiId, identId"),
        (r#"[{"location":"L","identId":null}]"#, "unit update 0: expected one of"),
        (r#"[{"identId":1,"location":"L"},{"identId":1}]"#, "unit update 1: location is missing"),
        (r#"[{"identId":1,"location":7}]"#, "location: expected a string"),
        (r#"[{"roblox":"7","location":"L"}]"#, "roblox: expected a number"),
        (r#"[{"apiId":"","location":"L"}]"#, "apiId: expected a non-empty string"),
        (r#"[{"apiId":{},"location":"L"}]"#, "apiId: expected a non-empty string"),
        (r#"[{"apiId":"a","location":"L","coordinates":[1]}]"#, "coordinates: expected an object"),
        (r#"[{"apiId":"a","location":"L","coordinates":{"x":"1"}}]"#, "coordinates: expected an object"),
        (r#"[{"apiId":"a","location":"L","vehicle":"car"}]"#, "vehicle: expected an object"),
    ] {
        let error = parse(updates).map(|updates| panic!("{updates:?}")).unwrap_err().to_string();
        assert!(error.contains(part), "{updates}: {error}");
    }
    let large = format!(r#"[{{"identId":1,"location":"{}"}}]"#, "x".repeat(MAX_BYTES));
    assert!(parse(&large).unwrap_err().to_string().contains("has room for"));
}

#[test]
fn an_update_is_as_deep_as_a_hub_reads() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!(r#"[{{"identId":1,"location":"L","vehicle":{{}},"x":{open}{close}}}]"#)
    };
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    let error = parse(&nested(70)).unwrap_err().to_string();
    assert_eq!(error, "unit update 0: it is nested 70 levels deep, and the hub reads 61 of an update");
    assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
}

#[test]
fn unknown_fields_pass_and_every_byte_stays() {
    let text = r#"{ "custom":[1.50,"\u0041"], "communityUserId" : "license:1", "location":"", "peerId":5,"vehicle":null }"#;
    let mut units = Units::new(INTERVAL);
    let now = Instant::now();
    units.update(now, parse(&format!("[{text}]")).unwrap()).unwrap();
    assert_eq!(units.call(now).unwrap(), format!("[[{text}]]"));
}

#[test]
fn calls_have_at_most_25_units_and_keep_their_distance() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    give(&mut units, start, 0..60, 1);
    assert_eq!(ids(&units.call(start).unwrap()), (0..25).collect::<Vec<_>>());
    assert_eq!((units.due(start), units.call(start)), (None, None), "one call at a time");
    let answered = start + Duration::from_millis(10);
    assert_eq!(units.answered(answered, &Answer::Accepted), None);
    assert_eq!(units.due(answered), Some(start + INTERVAL));
    assert_eq!(units.call(start + INTERVAL - Duration::from_millis(1)), None);
    assert_eq!(ids(&units.call(start + INTERVAL).unwrap()), (25..50).collect::<Vec<_>>());
    // a late answer: the hub may have got the call just before it
    let late = start + 3 * INTERVAL;
    units.answered(late, &Answer::Accepted);
    assert_eq!(units.due(late), Some(late + AFTER_ANSWER));
    assert_eq!(ids(&units.call(late + AFTER_ANSWER).unwrap()), (50..60).collect::<Vec<_>>());
    assert_eq!(units.pending(), 10);
}

#[test]
fn a_call_stays_below_the_hubs_record_size() {
    let mut units = Units::new(INTERVAL);
    let now = Instant::now();
    let large = |id| format!(r#"{{"identId":{id},"location":"{}"}}"#, "x".repeat(10_000));
    let updates: Vec<_> = (0..10).map(large).collect();
    units.update(now, parse(&format!("[{}]", updates.join(","))).unwrap()).unwrap();
    let arguments = units.call(now).unwrap();
    assert_eq!(ids(&arguments), [0, 1, 2]);
    assert!(arguments.len() <= MAX_BYTES);
    let largest = format!(r#"{{"identId":99,"location":"{}"}}"#, "x".repeat(MAX_UNIT_BYTES - 28));
    assert_eq!(largest.len(), MAX_UNIT_BYTES);
    let mut units = Units::new(INTERVAL);
    units.update(now, parse(&format!("[{largest}]")).unwrap()).unwrap();
    assert_eq!(units.call(now).map(|arguments| arguments.len()), Some(MAX_BYTES));
}

#[test]
fn the_newest_position_wins_and_its_unit_keeps_its_place() {
    let mut units = Units::new(INTERVAL);
    let now = Instant::now();
    give(&mut units, now, 0..2, 1);
    give(&mut units, now, 0..1, 2);
    assert_eq!(units.call(now).unwrap(), format!("[[{},{}]]", unit(0, 2), unit(1, 1)));
}

#[test]
fn nobody_starves_however_often_the_others_move() {
    let mut units = Units::new(INTERVAL);
    let mut now = Instant::now();
    let mut sent_at = vec![now; 500];
    let mut worst = Duration::ZERO;
    for tick in 0..300 {
        give(&mut units, now, 0..500, tick);
        if let Some(arguments) = units.call(now) {
            for id in ids(&arguments) {
                let id = usize::try_from(id).unwrap();
                worst = worst.max(now - sent_at[id]);
                sent_at[id] = now;
            }
            units.answered(now + Duration::from_millis(1), &Answer::Accepted);
        }
        now += Duration::from_millis(50);
    }
    assert_eq!(worst, INTERVAL * 20, "500 units in calls of 25");
}

#[test]
fn an_unchanged_position_waits_until_it_is_old() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    give(&mut units, start, 0..1, 1);
    units.call(start).unwrap();
    units.answered(start, &Answer::Accepted);
    give(&mut units, start + INTERVAL, 0..1, 1);
    assert_eq!(units.due(start + INTERVAL), None);
    give(&mut units, start + UNCHANGED, 0..1, 1);
    assert!(units.call(start + UNCHANGED).is_some());
}

#[test]
fn what_was_not_answered_is_sent_again_in_its_newest_form() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    give(&mut units, start, 0..3, 1);
    units.call(start).unwrap();
    give(&mut units, start, 1..2, 2);
    give(&mut units, start, 9..10, 1);
    units.answered(start, &Answer::Lost);
    let mut now = start;
    let mut sent = String::new();
    while let Some(due) = units.due(now) {
        now = due;
        sent += &units.call(now).unwrap();
        units.answered(now, &Answer::Accepted);
    }
    assert_eq!(
        sent,
        [unit(9, 1), unit(0, 1), unit(1, 2), unit(2, 1)].map(|unit| format!("[[{unit}]]")).concat()
    );
}

#[test]
fn too_fast_is_answered_with_more_distance_and_nothing_is_lost() {
    let mut units = Units::new(INTERVAL);
    let mut now = Instant::now();
    give(&mut units, now, 0..1, 1);
    for doubled in [2, 4, 8, 16, 32, 40, 40] {
        units.call(now).unwrap();
        assert_eq!(units.answered(now, &Answer::Refused(TOO_FAST.to_owned())), None);
        assert_eq!(units.due(now), Some(now + INTERVAL * doubled));
        now += INTERVAL * doubled;
    }
    let accepted_again = now;
    for place in 2.. {
        units.call(now).unwrap();
        units.answered(now, &Answer::Accepted);
        give(&mut units, now, 0..1, place);
        let distance = units.due(now).unwrap() - now;
        if distance == INTERVAL {
            break;
        }
        now += distance;
    }
    assert!(now - accepted_again < Duration::from_secs(16), "{:?}", now - accepted_again);
}

#[test]
fn a_hub_that_needs_a_slower_pace_is_seldom_asked_for_a_faster_one() {
    let least = Duration::from_millis(900);
    let mut units = Units::new(INTERVAL);
    let (mut now, mut taken) = (Instant::now(), None::<Instant>);
    let (mut accepted, mut refused) = (0, 0);
    for place in 0..1000 {
        give(&mut units, now, 0..1, place);
        now = units.due(now).unwrap();
        units.call(now).unwrap();
        if taken.is_some_and(|taken| now < taken + least) {
            refused += 1;
            units.answered(now, &Answer::Refused(TOO_FAST.to_owned()));
        } else {
            accepted += 1;
            taken = Some(now);
            units.answered(now, &Answer::Accepted);
        }
    }
    assert!(refused * 30 < accepted, "{refused} refused, {accepted} accepted");
}

/// Serves the units as a hub would until nothing is due before `until`. Returns the calls.
fn serve(
    units: &mut Units,
    now: &mut Instant,
    until: Instant,
    mut answer: impl FnMut(&[u64]) -> Answer,
) -> Vec<(Vec<u64>, Option<Failed>)> {
    let mut calls = Vec::new();
    while let Some(due) = units.due(*now).filter(|due| *due < until) {
        *now = due;
        let Some(arguments) = units.call(due) else { continue };
        let called = ids(&arguments);
        let told = units.answered(due, &answer(&called));
        calls.push((called, told));
    }
    calls
}

fn told(calls: Vec<(Vec<u64>, Option<Failed>)>) -> Vec<Failed> {
    calls.into_iter().filter_map(|(_, told)| told).collect()
}

#[test]
fn one_refused_unit_among_25_costs_three_refusals_and_the_rest_arrives() {
    for bad in 0..25_u64 {
        let mut units = Units::new(INTERVAL);
        let start = Instant::now();
        let mut now = start;
        give(&mut units, now, 0..25, 1);
        let calls = serve(&mut units, &mut now, start + ASIDE, |called| {
            if called.contains(&bad) { Answer::Refused("bad".to_owned()) } else { Answer::Accepted }
        });
        assert!(now - start < Duration::from_secs(10), "{bad}: {:?}", now - start);
        let (refused, accepted): (Vec<_>, Vec<_>) =
            calls.iter().map(|(called, _)| called).partition(|called| called.contains(&bad));
        assert_eq!((refused.len(), accepted.len()), (3, 8), "{bad}");
        let mut delivered: Vec<_> = accepted.into_iter().flatten().copied().collect();
        delivered.sort_unstable();
        assert_eq!(delivered, (0..25).filter(|id| *id != bad).collect::<Vec<_>>());
        assert_eq!((units.pending(), units.aside()), (0, 1));
        let told = told(calls);
        let group = Failed { kind: FailedKind::Refused, units: 25, suppressed: 0, aside: None };
        let aside = Some((Identity::from(format!("identId {bad}").as_str()), ASIDE));
        assert_eq!(told, [group, Failed { kind: FailedKind::Refused, units: 1, suppressed: 1, aside }]);
        assert_eq!(told[1].aside.as_ref().unwrap().0.json(), format!(r#"{{"identId":{bad}}}"#));
    }
}

#[test]
fn a_unit_that_is_set_aside_is_tried_alone_and_ever_more_seldom() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    let (mut now, mut trials) = (start, Vec::new());
    for second in 0..3600 {
        now = now.max(start + Duration::from_secs(second));
        give(&mut units, now, 0..10, second as usize);
        let until = start + Duration::from_secs(second + 1);
        for (called, _) in serve(&mut units, &mut now, until, |called| {
            if called.contains(&7) { Answer::Refused("bad".to_owned()) } else { Answer::Accepted }
        }) {
            if called.contains(&7) {
                trials.push(((now - start).as_secs(), called.len()));
            }
        }
    }
    assert_eq!(trials[..3].iter().map(|trial| trial.1).collect::<Vec<_>>(), [10, 5, 1]);
    let minutes: Vec<_> = trials[3..].iter().map(|(second, units)| (second / 60, *units)).collect();
    assert_eq!(minutes, [(1, 1), (3, 1), (7, 1), (15, 1), (30, 1), (45, 1)]);

    // once it is accepted it travels with the others
    give(&mut units, now, 0..10, 4000);
    let until = now + LONGEST_ASIDE;
    let calls = serve(&mut units, &mut now, until, |_| Answer::Accepted);
    assert_eq!(calls.iter().map(|(called, _)| called.len()).collect::<Vec<_>>(), [9, 1]);
    give(&mut units, now, 0..10, 4001);
    let until = now + ASIDE;
    assert_eq!(serve(&mut units, &mut now, until, |_| Answer::Accepted)[0].0.len(), 10);
}

#[test]
fn what_is_set_aside_does_not_come_again_by_itself() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    let mut now = start;
    give(&mut units, now, 0..1, 1);
    let calls = serve(&mut units, &mut now, start + 2 * LONGEST_ASIDE, |_| Answer::Refused("bad".to_owned()));
    assert_eq!(calls.len(), 1);
    now = start + 2 * LONGEST_ASIDE + ASIDE;
    give(&mut units, now, 5..6, 1);
    assert_eq!(units.units.len(), 1, "it is forgotten in the end");
}

#[test]
fn a_hub_that_refuses_everything_is_asked_once_a_minute() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    let (mut now, mut calls) = (start, Vec::new());
    for second in (0..3600).step_by(5) {
        now = now.max(start + Duration::from_secs(second));
        give(&mut units, now, 0..60, second as usize);
        let until = start + Duration::from_secs(second + 5);
        calls.extend(serve(&mut units, &mut now, until, |_| Answer::Refused("no locations here".to_owned())));
    }
    assert!(calls.len() < 70, "{} refusals in an hour", calls.len());
    let told = told(calls);
    assert!(told.len() < 70 && told[0].units == 25, "{told:?}");
    // and when it accepts again all is told within seconds
    let again = now;
    let until = again + Duration::from_secs(70);
    serve(&mut units, &mut now, until, |_| Answer::Accepted);
    assert_eq!(units.pending(), 0);
}

#[test]
fn a_call_that_took_two_links_with_it_is_not_sent_a_third_time() {
    for bad in [0, 11, 24_u64] {
        let mut units = Units::new(INTERVAL);
        let start = Instant::now();
        let mut now = start;
        give(&mut units, now, 0..25, 1);
        let calls = serve(&mut units, &mut now, start + ASIDE, |called| {
            if called.contains(&bad) { Answer::Lost } else { Answer::Accepted }
        });
        let fatal: Vec<_> = calls.iter().filter(|(called, _)| called.contains(&bad)).collect();
        assert_eq!(fatal.iter().map(|(called, _)| called.len()).collect::<Vec<_>>(), [25, 5, 1]);
        assert_eq!((units.pending(), units.aside()), (0, 1));
        let [Failed { kind: FailedKind::Lost, units: 1, suppressed: 0, aside: Some((_, time)) }] =
            &told(calls)[..]
        else {
            panic!("the links' ends are told elsewhere, the unit that is set aside here")
        };
        assert_eq!(*time, ASIDE);
    }
    // alone from the start
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    let mut now = start;
    give(&mut units, now, 3..4, 1);
    assert_eq!(serve(&mut units, &mut now, start + ASIDE, |_| Answer::Lost).len(), 2);
}

#[test]
fn locations_without_an_answer_are_told_of_and_sent_again() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    let mut now = start;
    give(&mut units, now, 0..25, 1);
    let mut answers = std::iter::once(Answer::TimedOut);
    let calls = serve(&mut units, &mut now, start + ASIDE, |_| answers.next().unwrap_or(Answer::Accepted));
    assert_eq!(
        calls[0].1,
        Some(Failed { kind: FailedKind::TimedOut, units: 25, suppressed: 0, aside: None })
    );
    assert_eq!(calls[1..].iter().map(|(called, _)| called.len()).collect::<Vec<_>>(), [5; 5]);
    assert!(told(calls).len() == 1 && units.aside() == 0);
}

#[test]
fn who_is_not_authenticated_sends_the_same_again() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    give(&mut units, start, 0..30, 1);
    for round in 0..5 {
        let now = start + round * INTERVAL;
        assert_eq!(ids(&units.call(now).unwrap()), (0..25).collect::<Vec<_>>());
        assert_eq!(units.answered(now, &Answer::Unauthenticated), None);
    }
    assert_eq!(units.aside(), 0);
}

#[test]
fn many_updates_of_one_unit_are_one_unit() {
    let mut units = Units::new(INTERVAL);
    let now = Instant::now();
    let updates: Vec<_> = (0..=MAX_WAITING).map(|place| unit(1, place)).collect();
    units.update(now, parse(&format!("[{}]", updates.join(","))).unwrap()).unwrap();
    assert_eq!(units.pending(), 1);
    assert_eq!(units.call(now).unwrap(), format!("[[{}]]", unit(1, MAX_WAITING)));
}

#[test]
fn garbage_ids_do_not_grow_for_ever() {
    let mut units = Units::new(INTERVAL);
    let mut now = Instant::now();
    give(&mut units, now, 0..MAX_WAITING, 1);
    let more = format!("[{}]", unit(MAX_WAITING, 1));
    assert_eq!(units.update(now, parse(&more).unwrap()), Err(UnitError::TooMany));
    give(&mut units, now, 0..10, 2);
    while let Some(due) = units.due(now) {
        now = due;
        units.call(now).unwrap();
        units.answered(now, &Answer::Accepted);
    }
    give(&mut units, now + UNCHANGED, 0..1, 3);
    assert_eq!(units.units.len(), 1);
}

/// Numbers without a pattern, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A hub with the documented limits, some units that it never takes, and moods.
struct Moody {
    random: Random,
    bad: HashSet<u64>,
    taken: Option<Instant>,
    refusals: Vec<Instant>,
    /// The newest location that it has of each unit.
    known: HashMap<u64, u64>,
}

impl Moody {
    fn answer(&mut self, now: Instant, arguments: &str) -> Answer {
        let value: serde_json::Value = serde_json::from_str(arguments).unwrap();
        let units: Vec<_> = value[0].as_array().unwrap().iter().collect();
        assert!((1..=25).contains(&units.len()) && arguments.len() <= MAX_BYTES);
        let pace = self.taken.is_none_or(|taken| now >= taken + AFTER_ANSWER);
        assert!(pace, "too fast");
        self.taken = Some(now);
        match self.random.below(100) {
            0 => return Answer::Lost,
            1 => return Answer::TimedOut,
            2 => return Answer::Refused(TOO_FAST.to_owned()),
            3 => return Answer::Unauthenticated,
            _ => {}
        }
        let id = |unit: &serde_json::Value| unit["identId"].as_u64().unwrap();
        if units.iter().any(|unit| self.bad.contains(&id(unit))) {
            self.refusals.push(now);
            return Answer::Refused("bad".to_owned());
        }
        for unit in units {
            self.known.insert(id(unit), unit["coordinates"]["x"].as_u64().unwrap());
        }
        Answer::Accepted
    }
}

#[test]
fn whatever_a_hub_does_good_units_arrive_in_time_and_refusals_are_few() {
    const UNITS: u64 = 80;
    for seed in 1..=10 {
        let mut random = Random(u64::MAX / seed);
        let bad: HashSet<_> = (0..seed % 8).map(|_| random.below(UNITS)).collect();
        let (mut units, start) = (Units::new(INTERVAL), Instant::now());
        let mut hub = Moody { random, bad, taken: None, refusals: Vec::new(), known: HashMap::new() };
        let mut random = Random(seed);
        // of each unit: the locations that were given since the one that the hub has, and when
        let mut waits: HashMap<u64, VecDeque<(u64, Instant)>> = HashMap::new();
        let (mut aside, mut innocent) = (HashMap::new(), 0);
        let (mut now, mut worst) = (start, Duration::ZERO);
        for place in 1..1500 {
            now += Duration::from_millis(25 + random.below(50));
            let moved: Vec<_> = (0..UNITS).filter(|_| random.once_in(6)).collect();
            for unit in &moved {
                waits.entry(*unit).or_default().push_back((place, now));
            }
            let updates: Vec<_> = moved.iter().map(|id| unit(*id as usize, place as usize)).collect();
            units.update(now, parse(&format!("[{}]", updates.join(","))).unwrap()).unwrap();
            let Some(arguments) = units.call(now) else { continue };
            let answer = hub.answer(now, &arguments);
            // the answer takes its time, in which units move on
            let answered = now + Duration::from_millis(random.below(20));
            let told = units.answered(answered, &answer);
            if let Some((unit, time)) = told.and_then(|failed| failed.aside) {
                let unit: serde_json::Value = serde_json::from_str(&unit.json()).unwrap();
                let unit = unit["identId"].as_u64().unwrap();
                innocent += u32::from(!hub.bad.contains(&unit));
                aside.insert(unit, now + time);
            }
            for (unit, waits) in &mut waits {
                let known = hub.known.get(unit).copied().unwrap_or_default();
                while waits.front().is_some_and(|(place, _)| *place <= known) {
                    waits.pop_front();
                }
                if let Some((_, since)) = waits.front().filter(|_| !hub.bad.contains(unit)) {
                    let since = aside.get(unit).map_or(*since, |until| *until.max(since));
                    worst = worst.max(now.saturating_duration_since(since));
                }
            }
        }
        assert!(worst < Duration::from_secs(30), "seed {seed}: a location waited {worst:?}");
        assert!(innocent < 6, "seed {seed}: {innocent} set aside though it was not they");
        let spaced = hub.refusals.windows(2).all(|pair| pair[1] - pair[0] >= pace::AFTER_REFUSAL);
        // the first three of each, and its trial after a minute
        let most = hub.bad.len() * (3 + 1);
        assert!(spaced && hub.refusals.len() <= most, "seed {seed}: {} refusals", hub.refusals.len());
    }
}
