//! Asking a session over its control API.

use std::io::Read;
use std::time::Duration;

use reqwest::blocking;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::control::{BODY, PATH};
use super::desk::Request;
use super::place::Record;
use crate::host::protocol::Refusal;

/// Longer than a session ever takes on purpose.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The session will not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is gone, or says nothing.
    #[error("session {name} does not answer")]
    Silent {
        /// The session.
        name: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What it says is not understood.
    #[error("the answer of session {name} is not understood: it is of another version")]
    Garbage {
        /// The session.
        name: String,
    },
}

/// A session that can be asked.
pub struct Client {
    http: blocking::Client,
    record: Record,
}

impl Client {
    /// For the session of that record.
    ///
    /// # Errors
    ///
    /// When no connection can be made at all.
    pub fn new(record: Record) -> Result<Self, ClientError> {
        // Once in a process; a second provider is refused and the first is kept.
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = blocking::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            // It speaks plain HTTP on the loopback, so nobody's roots are read.
            .tls_certs_only([])
            .build()
            .map_err(|source| silent(&record, source))?;
        Ok(Self { http, record })
    }

    /// The session's record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// When it refuses, or does not answer.
    pub fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ClientError> {
        let record = &self.record;
        let sent = self
            .http
            .post(format!("{}{PATH}", record.control))
            .bearer_auth(&record.token)
            .json(request)
            .send();
        let answer = sent.map_err(|source| silent(record, source))?;
        let is_fine = answer.status().is_success();
        let mut bytes = Vec::new();
        answer
            .take(BODY as u64)
            .read_to_end(&mut bytes)
            .map_err(|source| silent(record, source))?;
        let garbage = || ClientError::Garbage {
            name: record.name.clone(),
        };
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| garbage())?;
        if is_fine {
            return serde_json::from_value(value).map_err(|_| garbage());
        }
        let refused: Refusal = serde_json::from_value(value).map_err(|_| garbage())?;
        Err(refused.into())
    }
}

fn silent(
    record: &Record,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ClientError {
    ClientError::Silent {
        name: record.name.clone(),
        source: source.into(),
    }
}
