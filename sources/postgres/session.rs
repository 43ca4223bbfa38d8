//! One connection and its transactions, every one of them read only and bounded in time.
//!
//! Statements have no names and settings end with their transaction, so a pooler between may give
//! each transaction to another connection.

use std::pin::pin;
use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind, Stop};
use futures_util::TryStreamExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Row};

use super::address::Address;
use super::query::Statement;
use super::schema::Cells;
use super::tls;

/// How often it is looked whether the end was asked for.
const LOOK: Duration = Duration::from_millis(100);
/// Beyond what the server allows a statement, for the way there and back.
const GRACE: Duration = Duration::from_secs(15);
/// For the way to a server that does not answer, where the connection string says nothing.
const CONNECT: Duration = Duration::from_secs(15);
/// Tries of one transaction, for servers that are out for a moment.
const TRIES: u32 = 4;

/// A connection that is made when it is needed.
pub(super) struct Session {
    runtime: Runtime,
    address: Address,
    timeout: Duration,
    client: Option<Client>,
    /// Round trips so far, for reports.
    pub(super) requests: u64,
}

/// The rows of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<Cells>,
    pub(super) bytes: u64,
    /// Whether it was broken off because it became too large.
    pub(super) is_cut: bool,
}

impl Session {
    /// Makes ready; connects to nothing.
    ///
    /// # Errors
    ///
    /// When there are no threads or sockets left for it.
    pub(super) fn new(address: Address, timeout: Duration) -> Result<Self, PullError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                PullError::new(
                    PullErrorKind::Unreachable,
                    format!("cannot wait for the database: {error}"),
                )
            })?;
        Ok(Self {
            runtime,
            address,
            timeout,
            client: None,
            requests: 0,
        })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Connects, where there is no connection.
    ///
    /// # Errors
    ///
    /// Why nobody answers, or not to us.
    pub(super) fn connect(&mut self, stop: &dyn Stop) -> Result<(), PullError> {
        if self
            .client
            .as_ref()
            .is_some_and(|client| !client.is_closed())
        {
            return Ok(());
        }
        self.client = None;
        self.requests += 1;
        let address = self.address.clone();
        let connector = if address.is_encrypted {
            let connector = tls::connector(address.root_cert.as_deref());
            Some(connector.map_err(|error| PullError::new(PullErrorKind::Options, error))?)
        } else {
            None
        };
        let connecting = async {
            // The connection works as long as the runtime is waited in.
            match connector {
                Some(connector) => {
                    let (client, connection) = address.config.connect(connector).await?;
                    tokio::spawn(connection);
                    Ok(client)
                }
                None => {
                    let (client, connection) = address.config.connect(NoTls).await?;
                    tokio::spawn(connection);
                    Ok(client)
                }
            }
        };
        let limit = address.config.get_connect_timeout().copied();
        let connected = waited(&self.runtime, limit.unwrap_or(CONNECT), stop, connecting)?;
        let client = match connected {
            Some(connected) => connected.map_err(|error| told(&error, &self.address))?,
            None => {
                return Err(unreachable(
                    &self.address,
                    "it does not answer; is the address right, and may this machine reach it?",
                ));
            }
        };
        self.client = Some(client);
        Ok(())
    }

    /// The rows that statements give, all in one transaction that reads only. An answer is broken off
    /// behind the row with which it has `most` bytes.
    ///
    /// # Errors
    ///
    /// What the database says, after it was given several chances where that may help.
    pub(super) fn ask(
        &mut self,
        statements: &[Statement],
        settings: &str,
        most: u64,
        stop: &dyn Stop,
    ) -> Result<Vec<Answer>, PullError> {
        let mut tried = 0;
        loop {
            let outcome = self
                .connect(stop)
                .and_then(|()| self.try_ask(statements, settings, most, stop));
            tried += 1;
            match outcome {
                Err(error) if is_passing(error.kind) && tried < TRIES => {
                    self.client = None;
                    if stop.wait(Duration::from_millis(250) * 4_u32.pow(tried - 1)) {
                        return Err(stopped());
                    }
                }
                outcome => return outcome,
            }
        }
    }

    fn try_ask(
        &mut self,
        statements: &[Statement],
        settings: &str,
        most: u64,
        stop: &dyn Stop,
    ) -> Result<Vec<Answer>, PullError> {
        let Some(client) = self.client.take() else {
            return Err(unreachable(&self.address, "there is no connection"));
        };
        let milliseconds = self.timeout.as_millis();
        // Nothing waits for a lock that somebody else holds for long, and a transaction that we lost
        // ends by itself.
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {lock}; \
             SET LOCAL idle_in_transaction_session_timeout = {idle}; SET LOCAL TimeZone = 'UTC'; \
             SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
             SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; {settings}",
            lock = (milliseconds / 2).clamp(1, 5_000),
            idle = milliseconds + GRACE.as_millis(),
        );
        self.requests += 2 + statements.len() as u64;
        let asking = async {
            client.batch_execute(&begin).await?;
            let mut answers = Vec::new();
            for statement in statements {
                let answer = rows(&client, statement, most).await?;
                let is_cut = answer.is_cut;
                answers.push(answer);
                if is_cut {
                    // What is still on its way would be read and thrown away.
                    return Ok((answers, false));
                }
            }
            client.batch_execute("COMMIT").await?;
            Ok((answers, true))
        };
        let each = u32::try_from(statements.len()).unwrap_or(u32::MAX);
        let limit = self.timeout.saturating_mul(each).saturating_add(GRACE);
        match waited(&self.runtime, limit, stop, asking)? {
            Some(Ok((answers, is_whole))) => {
                // A connection with an open transaction or an answer half read is given up.
                self.client = is_whole.then_some(client);
                Ok(answers)
            }
            Some(Err(error)) => Err(told(&error, &self.address)),
            None => Err(unreachable(&self.address, "it takes longer than it may")),
        }
    }
}

async fn rows(
    client: &Client,
    statement: &Statement,
    most: u64,
) -> Result<Answer, tokio_postgres::Error> {
    let parameters = statement
        .parameters
        .iter()
        .map(|parameter| (parameter.as_str(), Type::TEXT));
    let stream = client.query_typed_raw(&statement.text, parameters).await?;
    let mut stream = pin!(stream);
    let mut answer = Answer::default();
    while let Some(row) = stream.try_next().await? {
        let cells: Cells = (0..row.len())
            .map(|place| cell(&row, place))
            .collect::<Result<_, _>>()?;
        answer.bytes += row.raw_size_bytes() as u64;
        answer.rows.push(cells);
        if answer.bytes >= most {
            answer.is_cut = true;
            break;
        }
    }
    Ok(answer)
}

/// A cell as text. Statements cast what they select; only plans are JSON.
fn cell(row: &Row, place: usize) -> Result<Option<String>, tokio_postgres::Error> {
    let is_json = row
        .columns()
        .get(place)
        .is_some_and(|column| *column.type_() == Type::JSON);
    if is_json {
        let value: Option<serde_json::Value> = row.try_get(place)?;
        return Ok(value.map(|value| value.to_string()));
    }
    row.try_get(place)
}

/// Waits for work, with an end; none where that came first.
fn waited<T>(
    runtime: &Runtime,
    limit: Duration,
    stop: &dyn Stop,
    work: impl Future<Output = T>,
) -> Result<Option<T>, PullError> {
    runtime.block_on(async {
        let mut work = pin!(work);
        let mut waited = Duration::ZERO;
        while waited < limit {
            if let Ok(done) = tokio::time::timeout(LOOK, work.as_mut()).await {
                return Ok(Some(done));
            }
            if stop.is_asked() {
                return Err(stopped());
            }
            waited += LOOK;
        }
        Ok(None)
    })
}

fn stopped() -> PullError {
    PullError::new(PullErrorKind::Stopped, "the end was asked for")
}

fn is_passing(kind: PullErrorKind) -> bool {
    matches!(
        kind,
        PullErrorKind::Unreachable | PullErrorKind::Limited { .. }
    )
}

fn unreachable(address: &Address, reason: &str) -> PullError {
    let error = PullError::new(
        PullErrorKind::Unreachable,
        format!(
            "no answer from the database at {}: {reason}",
            address.server()
        ),
    );
    match supabase_advice(address) {
        Some(advice) => error.advice(advice),
        None => error,
    }
}

/// What most often is in the way with Supabase.
fn supabase_advice(address: &Address) -> Option<&'static str> {
    let host = address.host()?;
    (host.starts_with("db.") && host.ends_with(".supabase.co")).then_some(
        "this host has an IPv6 address only: take the connection string of the session pooler (Connect > Session pooler)",
    )
}

/// The longest text of a database that is repeated.
const MAX_TOLD: usize = 300;

/// What an error of the database library means. A server's own words are kept short: they are
/// somebody else's.
fn told(error: &tokio_postgres::Error, address: &Address) -> PullError {
    let Some(said) = error.as_db_error() else {
        return not_said(error, address);
    };
    let words: String = said
        .message()
        .chars()
        .take(MAX_TOLD)
        .flat_map(char::escape_debug)
        .collect();
    let code = said.code();
    let class = code.code().get(..2).unwrap_or_default();
    let (kind, advice) = match (class, code) {
        ("28", _) | ("3D", _) => (
            PullErrorKind::Denied,
            Some("check user, password and database in the connection string"),
        ),
        (_, &SqlState::INSUFFICIENT_PRIVILEGE) => (
            PullErrorKind::Denied,
            Some("GRANT USAGE ON SCHEMA …, and GRANT SELECT ON … TO the role"),
        ),
        (_, &SqlState::READ_ONLY_SQL_TRANSACTION) => (
            PullErrorKind::Answer,
            Some("archal only reads: take a view that does not write"),
        ),
        (_, &SqlState::QUERY_CANCELED) => (PullErrorKind::Answer, None),
        (_, &SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED)
        | ("53", _)
        | (_, &SqlState::T_R_SERIALIZATION_FAILURE) => {
            (PullErrorKind::Limited { after: None }, None)
        }
        ("08" | "57" | "58", _) => (PullErrorKind::Unreachable, None),
        (_, &SqlState::UNDEFINED_TABLE | &SqlState::UNDEFINED_COLUMN) => {
            (PullErrorKind::Missing, None)
        }
        _ => (PullErrorKind::Answer, None),
    };
    let error = PullError::new(
        kind,
        format!("the database says: {words} ({})", code.code()),
    );
    match advice {
        Some(advice) => error.advice(advice),
        None => error,
    }
}

/// Whether a statement was cancelled because it took too long.
pub(super) fn is_too_slow(error: &PullError) -> bool {
    error.kind == PullErrorKind::Answer
        && error
            .message
            .ends_with(&format!("({})", SqlState::QUERY_CANCELED.code()))
}

/// An error on the way: of the network, of TLS, of the protocol.
fn not_said(error: &tokio_postgres::Error, address: &Address) -> PullError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let text = inner.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        source = inner.source();
    }
    let reason: String = reason.chars().take(MAX_TOLD).collect();
    if reason.contains("certificate") {
        return PullError::new(
            PullErrorKind::Denied,
            format!(
                "the database at {} does not prove who it is: {reason}",
                address.server()
            ),
        )
        .advice("--option rootCert=FILE with the certificate of who vouches for it, and the host name as its certificate has it");
    }
    if reason.contains("server does not support TLS") {
        return PullError::new(
            PullErrorKind::Denied,
            format!(
                "the database at {} has no TLS, and nothing is sent to it in plain text over a network",
                address.server()
            ),
        )
        .advice("switch TLS on (`ssl = on`), or reach it over a tunnel that ends on this machine");
    }
    if reason.contains("password missing") {
        return PullError::new(
            PullErrorKind::Denied,
            "the database asks for a password, and neither the connection string nor a file has one",
        )
        .advice("--option passwordEnv=PGPASSWORD, or a line in ~/.pgpass");
    }
    unreachable(address, &reason)
}
