use super::*;

const TOKEN: &str = "fc810f5d65be5c4b5a6adba45fbfb34c7a931f48";

fn server() -> ListServer {
    let list = "buildbot-status@python.org";
    ListServer {
        list_id: "buildbot-status.python.org".into(),
        list: list.into(),
        join: own_address(list, "join"),
        leave: own_address(list, "leave"),
        confirm: own_address(list, "confirm"),
    }
}

#[test]
fn a_token_is_forty_hexadecimal_digits() {
    assert!(Token::parse(TOKEN).is_some());
    let rest = TOKEN.get(1..).unwrap();
    for wrong in [
        "",
        "fc81",
        &TOKEN.to_uppercase(),
        &format!("{TOKEN}0"),
        &format!(" {}", rest),
        &format!("{}\n", rest),
        &format!("{}g", rest),
        &"é".repeat(20),
    ] {
        assert_eq!(Token::parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn answers_go_to_addresses_of_the_configuration() {
    let token = Token::parse(TOKEN).unwrap();
    assert_eq!(
        server().confirm_address(&token),
        format!("buildbot-status-confirm+{TOKEN}@python.org")
    );
    let list = "a-list-with-a-long-name@python.org";
    let long = ListServer {
        list: list.into(),
        confirm: own_address(list, "confirm"),
        ..server()
    };
    assert_eq!(
        long.confirm_address(&token),
        "a-list-with-a-long-name-request@python.org"
    );
    assert_eq!(
        server().request_address(Request::Leave),
        "buildbot-status-leave@python.org"
    );
    for request in Request::ALL {
        assert_eq!(Request::from_name(request.name()), Some(request));
    }
    assert_eq!(Request::from_name("confirm"), None);
}

#[test]
fn only_addresses_of_the_list_ask_for_a_confirmation() {
    let token_in = |address: &str| server().token_in(address);
    let good = format!("buildbot-status-confirm+{TOKEN}@python.org");
    assert_eq!(token_in(&good), Some(Ok(Token::parse(TOKEN).unwrap())));
    assert_eq!(
        token_in("buildbot-status-confirm+abc@python.org"),
        Some(Err(()))
    );
    for other in [
        format!("buildbot-status-confirm+{TOKEN}@python.org.evil.example"),
        format!("buildbot-status-confirm+{TOKEN}@evil.example"),
        format!("other-confirm+{TOKEN}@python.org"),
        format!("x+buildbot-status-confirm+{TOKEN}@python.org"),
        "buildbot-status-confirm@python.org".into(),
        "buildbot-status@python.org".into(),
    ] {
        assert_eq!(token_in(&other), None, "{other}");
    }
}

#[test]
fn the_list_speaks_about_itself_from_addresses_of_its_own() {
    let is = |from: &str| {
        let mail = Mail {
            from: vec![from.into()],
            ..Mail::default()
        };
        is_about_itself(&mail, "buildbot-status@python.org")
    };
    for own in ["bounces", "owner", "request", "join", "leave", "confirm"] {
        assert!(is(&format!("buildbot-status-{own}@python.org")), "{own}");
    }
    assert!(is(&format!("buildbot-status-confirm+{TOKEN}@python.org")));
    for other in [
        "buildbot-status@python.org",
        "buildbot@python.org",
        "buildbot-status-bounces@example.org",
        "buildbot-status-watch@python.org",
    ] {
        assert!(!is(other), "{other}");
    }
}
