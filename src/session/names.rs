//! The stub resolver inside a child's network: every name asked for is evidence.
//!
//! Names of clones lead to them; any other name gets an address of its own from the range for
//! benchmarks, which no machine has, so that the connection that follows is seen, named and refused.
//! There is no IPv6 inside, so a name has an A record and nothing else.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::Shared;

/// Most names that get an address of their own.
const LIMIT: u16 = 10_000;
/// The zones in which addresses have names.
const REVERSE: [&str; 2] = [".in-addr.arpa", ".ip6.arpa"];
/// Seconds an answer holds.
const TTL: u32 = 60;

/// How long a connection for questions may take in all.
const IDLE: Duration = Duration::from_secs(30);

/// What names were given which addresses.
#[derive(Debug, Default)]
pub struct Names {
    given: Mutex<Given>,
}

#[derive(Debug, Default)]
struct Given {
    by_name: HashMap<String, u16>,
    by_number: Vec<String>,
}

impl Names {
    /// The address that stands for a name that is no clone's; none when there are too many.
    pub(super) fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let number = if let Some(number) = given.by_name.get(name) {
            *number
        } else {
            let number = u16::try_from(given.by_number.len()).ok()?;
            if number >= LIMIT {
                return None;
            }
            given.by_name.insert(name.to_owned(), number);
            given.by_number.push(name.to_owned());
            number
        };
        let [high, low] = (number + 1).to_be_bytes();
        Some(Ipv4Addr::new(198, 18, high, low))
    }

    /// The unknown name that an address stands for.
    pub(super) fn name_of(&self, address: Ipv4Addr) -> Option<String> {
        let [198, 18, high, low] = address.octets() else {
            return None;
        };
        let number = u16::from_be_bytes([high, low]).checked_sub(1)?;
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.by_number.get(usize::from(number)).cloned()
    }

    /// The answer to a datagram; none where it is not a question. `is_cloned` tells the names of
    /// clones, `asked` takes each name.
    pub fn answer(
        &self,
        datagram: &[u8],
        is_cloned: impl Fn(&str) -> bool,
        mut asked: impl FnMut(&str),
    ) -> Option<Vec<u8>> {
        let query = Packet::parse(datagram).ok()?;
        if query.has_flags(PacketFlag::RESPONSE) {
            return None;
        }
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
        for question in query.questions.iter().take(1) {
            reply.questions.push(question.clone());
            let name = question.qname.to_string().to_ascii_lowercase();
            if REVERSE.iter().any(|zone| name.ends_with(zone)) {
                // Who asks for the name of an address reaches for nobody.
                *reply.rcode_mut() = RCODE::NameError;
                continue;
            }
            asked(&name);
            if question.qtype != QTYPE::TYPE(TYPE::A) {
                // No error: the name is there, only without such a record.
                continue;
            }
            let address = if is_cloned(&name) || name == "localhost" {
                Some(Ipv4Addr::LOCALHOST)
            } else {
                self.address(&name)
            };
            match address {
                Some(address) => reply.answers.push(ResourceRecord::new(
                    question.qname.clone(),
                    CLASS::IN,
                    TTL,
                    RData::A(A::from(address)),
                )),
                None => *reply.rcode_mut() = RCODE::ServerFailure,
            }
        }
        reply.build_bytes_vec().ok()
    }
}

/// Answers questions of the session's children, and records what was asked.
pub(super) fn reply(shared: &Shared, question: &[u8]) -> Option<Vec<u8>> {
    let is_cloned = |name: &str| shared.clone_of(name).is_some();
    shared.names.answer(question, is_cloned, |name| {
        let is_known = is_cloned(name) || name == "localhost" || shared.egress.knows(name);
        if shared.ledger.name(name) && !is_known {
            let reason = "no clone of this session answers for it";
            shared.ledger.refuse("name", name, None, reason);
        }
    })
}

/// Answers the questions of a connection: each has its length before it.
pub(super) async fn over_tcp(shared: &Shared, mut stream: TcpStream) {
    let answered = async {
        loop {
            let length = stream.read_u16().await?;
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await?;
            let Some(reply) = reply(shared, &question) else {
                return io::Result::Ok(());
            };
            let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
            stream.write_u16(length).await?;
            stream.write_all(&reply).await?;
        }
    };
    // A client that closes, or asks for nothing any more, has what it wanted.
    timeout(IDLE, answered).await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use simple_dns::{Name, QCLASS, Question};

    fn ask(names: &Names, name: &str, kind: TYPE) -> (Vec<Ipv4Addr>, Vec<String>) {
        let mut query = Packet::new_query(7);
        query.questions.push(Question::new(
            Name::new(name).expect("a name"),
            QTYPE::TYPE(kind),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        let datagram = query.build_bytes_vec().expect("encoded");
        let mut asked = Vec::new();
        let reply = names
            .answer(
                &datagram,
                |name| name == "api.echo.test",
                |name| asked.push(name.to_owned()),
            )
            .expect("an answer");
        let reply = Packet::parse(&reply).expect("decoded");
        assert_eq!(reply.id(), 7);
        let addresses = reply
            .answers
            .iter()
            .map(|answer| match &answer.rdata {
                RData::A(address) => Ipv4Addr::from(address.address),
                other => panic!("{other:?}"),
            })
            .collect();
        (addresses, asked)
    }

    #[test]
    fn clones_are_local_and_unknown_names_keep_their_own_address() {
        let names = Names::default();
        let (clone, asked) = ask(&names, "API.echo.test", TYPE::A);
        assert_eq!(
            (clone, asked),
            (vec![Ipv4Addr::LOCALHOST], vec!["api.echo.test".to_owned()])
        );
        let (first, _) = ask(&names, "one.example", TYPE::A);
        let (second, _) = ask(&names, "two.example", TYPE::A);
        assert_ne!(first, second);
        assert_eq!(ask(&names, "one.example", TYPE::A).0, first);
        assert_eq!(names.name_of(second[0]).as_deref(), Some("two.example"));
        assert_eq!(
            ask(&names, "one.example", TYPE::AAAA).0,
            Vec::<Ipv4Addr>::new()
        );
        assert_eq!(names.name_of(Ipv4Addr::LOCALHOST), None);
        assert_eq!(
            ask(&names, "1.18.198.in-addr.arpa", TYPE::PTR),
            (vec![], vec![])
        );
    }

    #[test]
    fn addresses_are_given_until_there_are_too_many() {
        let names = Names::default();
        let given: Vec<Option<Ipv4Addr>> = (0..=LIMIT)
            .map(|number| names.address(&format!("n{number}.example")))
            .collect();
        let last = given[usize::from(LIMIT) - 1].expect("given");
        assert_eq!(given[0], Some(Ipv4Addr::new(198, 18, 0, 1)));
        assert_eq!(names.name_of(last), Some(format!("n{}.example", LIMIT - 1)));
        assert_eq!(given.last(), Some(&None));
    }

    proptest! {
        #[test]
        fn any_datagram_is_survived(datagram in proptest::collection::vec(any::<u8>(), 0..600)) {
            let names = Names::default();
            let answer = names.answer(&datagram, |_| false, |_| {});
            prop_assert!(answer.is_none_or(|answer| answer.len() >= 12));
        }
    }
}
