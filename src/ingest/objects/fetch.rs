//! Reading one object, within bounds: small ones into memory, larger ones into a file without a name.

use std::io::{self, Read as _, Seek as _, Write};
use std::path::Path;

use archal_core::pull::{Object, Objects, PullError, PullErrorKind};
use tempfile::SpooledTempFile;

/// What is kept in memory.
const IN_MEMORY: usize = 8 << 20;

/// Why there is nothing of an object.
#[derive(Debug)]
pub enum FetchError {
    /// The store gives it not.
    Store(PullError),
    /// It is larger than may be read.
    TooLarge,
    /// It did not come as it was listed.
    Cut {
        /// How much came.
        came: u64,
    },
    /// It cannot be kept here.
    Disk(io::Error),
}

/// The bytes of an object, at most so many; what does not stay in memory lies in `folder`.
///
/// # Errors
///
/// Why there are none.
pub fn fetch(
    objects: &mut dyn Objects,
    object: &Object,
    most: u64,
    folder: &Path,
) -> Result<Vec<u8>, FetchError> {
    if object.size > most {
        return Err(FetchError::TooLarge);
    }
    let mut bounded = Bounded {
        kept: tempfile::spooled_tempfile_in(IN_MEMORY, folder),
        left: most,
        refused: None,
    };
    let read = objects.read(object, &mut bounded);
    match bounded.refused.take() {
        Some(Refused::TooLarge) => return Err(FetchError::TooLarge),
        Some(Refused::Disk(error)) => return Err(FetchError::Disk(error)),
        None => {}
    }
    let came = read.map_err(FetchError::Store)?;
    if came != object.size {
        return Err(FetchError::Cut { came });
    }
    bounded.bytes().map_err(FetchError::Disk)
}

impl From<PullError> for FetchError {
    fn from(error: PullError) -> Self {
        Self::Store(error)
    }
}

impl FetchError {
    /// Whether another version of it is there by now, or none.
    pub fn is_changed(&self) -> bool {
        match self {
            Self::Store(error) => error.kind == PullErrorKind::Changed,
            Self::Cut { .. } => true,
            Self::TooLarge | Self::Disk(_) => false,
        }
    }
}

enum Refused {
    TooLarge,
    Disk(io::Error),
}

struct Bounded {
    kept: SpooledTempFile,
    left: u64,
    refused: Option<Refused>,
}

impl Bounded {
    fn bytes(self) -> io::Result<Vec<u8>> {
        match self.kept.into_inner() {
            tempfile::SpooledData::InMemory(bytes) => Ok(bytes.into_inner()),
            tempfile::SpooledData::OnDisk(mut file) => {
                file.rewind()?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            self.refused = Some(Refused::TooLarge);
            return Err(io::Error::other("it is larger than may be read"));
        }
        match self.kept.write(bytes) {
            Ok(written) => {
                self.left -= written as u64;
                Ok(written)
            }
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                self.refused = Some(Refused::Disk(error));
                Err(told)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.kept.flush()
    }
}
