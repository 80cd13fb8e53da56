use super::*;

const INTERVAL: Duration = Duration::from_millis(250);

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
        (r#"[{"apiId":"","location":"L"}]"#, "apiId: expected a string"),
        (r#"[{"apiId":{},"location":"L"}]"#, "apiId: expected a string"),
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
    units.answered(start, &Answer::None);
    let arguments = units.call(start + INTERVAL).unwrap();
    assert_eq!(ids(&arguments), [0, 2, 1, 9]);
    assert!(arguments.contains(&unit(1, 2)) && !arguments.contains(&unit(1, 1)));
}

#[test]
fn too_fast_is_answered_with_more_distance_and_nothing_is_lost() {
    let mut units = Units::new(INTERVAL);
    let mut now = Instant::now();
    give(&mut units, now, 0..1, 1);
    for doubled in [2, 4, 8] {
        units.call(now).unwrap();
        let words = "UNIT_LOCATION updates are limited to every 200ms.";
        assert_eq!(units.answered(now, &Answer::Refused(words.to_owned())), None);
        assert_eq!(units.due(now), Some(now + INTERVAL * doubled));
        now += INTERVAL * doubled;
    }
    let mut distance = Duration::ZERO;
    for round in 0..100 {
        give(&mut units, now, 0..1, 100 + round);
        units.call(now).unwrap();
        units.answered(now, &Answer::Accepted);
        give(&mut units, now, 0..1, 1000 + round);
        distance = units.due(now).unwrap() - now;
        now += distance;
    }
    assert_eq!(distance, INTERVAL, "it grows fast again");
}

#[test]
fn a_refusal_is_told_once_in_a_while_and_slows_us_down() {
    let mut units = Units::new(INTERVAL);
    let start = Instant::now();
    let mut now = start;
    let mut told = Vec::new();
    for round in 0..12 {
        give(&mut units, now, 0..2, round);
        units.call(now).unwrap();
        if let Some(refusal) = units.answered(now, &Answer::Refused("bad".to_owned())) {
            told.push((now - start, refusal));
        }
        give(&mut units, now, 0..1, 100 + round);
        let due = units.due(now).unwrap();
        assert_eq!(due - now, (AFTER_REFUSAL * (1 << round)).min(LONGEST), "{round}");
        now = due;
    }
    assert_eq!(told[0], (Duration::ZERO, Refusal { units: 2, suppressed: 0 }));
    assert!(told[1].0 >= TELL_EVERY && told[1].1.suppressed > 0, "{told:?}");
}

#[test]
fn garbage_ids_do_not_grow_for_ever() {
    let mut units = Units::new(INTERVAL);
    let mut now = Instant::now();
    give(&mut units, now, 0..MAX_WAITING, 1);
    let more = parse(&format!("[{}]", unit(MAX_WAITING, 1))).unwrap();
    assert_eq!(units.update(now, more), Err(UnitError::TooMany));
    give(&mut units, now, 0..10, 2);
    while let Some(due) = units.due(now) {
        now = due;
        units.call(now).unwrap();
        units.answered(now, &Answer::Accepted);
    }
    give(&mut units, now + UNCHANGED, 0..1, 3);
    assert_eq!(units.units.len(), 1);
}
