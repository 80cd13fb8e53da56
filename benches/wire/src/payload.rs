//! Push events like those that the CAD sends: many short members, nested objects, numbers, some text that is not
//! ASCII. No two in a row are alike.

/// A push event with this many units: 120 bytes with none, else 64 and 315 with each.
pub(crate) fn event(number: usize, units: usize) -> String {
    let list: Vec<_> = (0..units).map(|at| unit(number + at)).collect();
    let (id, status) = (1000 + number % 9000, number % 7);
    match units {
        0 => format!(
            r#"{{"key":"0123456789abcdef","type":"EVENT_UNIT_STATUS","data":[{{"identIds":{id},"status":{status},"unit":"A-10","by":"Zoë"}}]}}"#
        ),
        _ => format!(r#"{{"key":"0123456789abcdef","type":"EVENT_UNIT_LOGIN","data":[{}]}}"#, list.join(",")),
    }
}

fn unit(number: usize) -> String {
    let (id, x, y) = (1000 + number % 9000, number % 4000, number * 7 % 8000);
    let (status, panic, page) = (number % 7, number.is_multiple_of(50), number % 3);
    format!(
        r#"{{"unit":{{"id":{id},"accId":"123-456-{id}","status":{status},"isPanic":{panic},"location":"Vinewood Blvd / Alta St","coordinates":{{"x":-{x}.25,"y":{y}.5}},"data":{{"apiIds":["STEAM:11000010{id}"],"unitNum":"A-{status}","name":"Zoë Müller","district":"Blaine County","department":"BCSO","rank":"CPT","page":{page}}}}},"isDispatch":false}}"#
    )
}

/// The text of a record that pushes this argument.
pub(crate) fn record(argument: &str) -> String {
    format!("{{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[{argument}]}}\u{1e}")
}
