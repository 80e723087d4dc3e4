//! Where a client is, as damping tells clients apart: behind the configured proxy each
//! by the address that the proxy names, else by the address that connects.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::http::HeaderName;

use super::Settings;
use super::listen::Peer;

/// The bits of an IPv6 address that one household or host commonly has to itself
/// (RFC 6177): it could guess from another address each time.
const NETWORK: u32 = 64;

/// Where a request comes from.
pub(super) fn place_of(request: &Request, settings: &Settings) -> String {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let peer = peer.and_then(|ConnectInfo(peer)| peer.address);
    let client = match settings.is_proxy(peer) {
        true => forwarded(request.headers(), settings.proxy).or(peer),
        false => peer,
    };
    client.map_or(String::new(), |it| network(it).to_string())
}

/// The client's address by the proxy's word: each proxy adds to the right whom it was
/// asked by, so everything left of the first that is not the proxy itself may have been
/// written by anybody.
fn forwarded(headers: &HeaderMap, proxy: Option<IpAddr>) -> Option<IpAddr> {
    let name = HeaderName::from_static("x-forwarded-for");
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    for line in lines.into_iter().rev() {
        for hop in line.to_str().ok()?.rsplit(',') {
            let hop = address(hop.trim())?;
            if Some(hop) != proxy {
                return Some(hop);
            }
        }
    }
    None
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let parsed = bare.parse().ok();
    let with_port = || text.parse().ok().map(|it: SocketAddr| it.ip());
    parsed
        .or_else(with_port)
        .map(|it: IpAddr| it.to_canonical())
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & (u128::MAX << NETWORK)).into(),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_str(line).unwrap();
            headers.append("x-forwarded-for", value);
        }
        let found = forwarded(&headers, Some(PROXY));
        assert_eq!(found, expected.map(|it| it.parse().unwrap()), "{lines:?}");
    }

    #[test]
    fn the_rightmost_address_that_is_not_the_proxy_counts() {
        check(&[], None);
        check(&["192.0.2.1"], Some("192.0.2.1"));
        check(&["203.0.113.9, 192.0.2.1"], Some("192.0.2.1"));
        check(&["203.0.113.9, 192.0.2.1 ,127.0.0.1"], Some("192.0.2.1"));
        check(&["203.0.113.9", "192.0.2.1"], Some("192.0.2.1"));
        check(&["192.0.2.1", "127.0.0.1"], Some("192.0.2.1"));
        check(&["192.0.2.1", "::ffff:127.0.0.1"], Some("192.0.2.1"));
        check(&["192.0.2.1:4711"], Some("192.0.2.1"));
        check(&["[2001:db8::1]:4711"], Some("2001:db8::1"));
        check(&["[2001:db8::1]"], Some("2001:db8::1"));
        check(&["127.0.0.1"], None);
        // What cannot be read was not written by a proxy that anybody can go by.
        for unreadable in ["", "unknown", "_hidden", "203.0.113.9, unknown", "1.2.3"] {
            check(&[unreadable], None);
        }
    }

    #[test]
    fn neighbours_in_a_network_of_version_6_are_one() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }
}
