//! Running a traced failure again until it shows or does not.
