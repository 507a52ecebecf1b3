//! A folder of Parquet files, scored file by file into a folder of parts.

use super::Job;
use super::scores::{Counts, Sink};
use crate::Error;
use crate::files::Target;
use crate::input::Source;
use crate::model_file::{DENSITY, ModelFile};
use crate::share::among_cores;
use flow_data::{DataError, Folder, Member, Table};
use flow_host::shown;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Says in a part of what it was made: of which model, which file, and by which options.
const MADE_OF: &str = "flow.made_of";

/// Says in a part what came of it.
const COUNTS: &str = "flow.counts";

/// What came of the parts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) parts: usize,
    /// Those of them that were there already.
    pub(super) kept: usize,
    pub(super) counts: Counts,
}

/// Writes a part for each file of a folder, at the same place in another folder. A part that is there
/// already, made of the same file by the same model and options, is left as it is, so that who was
/// interrupted goes on where that was.
pub(super) fn score(
    job: &Job<'_, '_, '_>,
    model: &ModelFile,
    folder: &Folder,
    output: &Target,
) -> Result<Parts, Error> {
    apart(folder.path(), output.path())?;
    std::fs::create_dir_all(output.path()).map_err(Error::write(output.path()))?;
    let done = among_cores(folder.members(), |member| {
        let part = output.within(member.place());
        let made_of = made_of(job, model, member)?;
        match earlier(part.path(), &made_of)? {
            Some(counts) => Ok((true, counts)),
            None => self::part(job, member, &part, made_of).map(|counts| (false, counts)),
        }
    })?;
    let mut parts = Parts::default();
    for (kept, counts) in done {
        parts.parts += 1;
        parts.kept += usize::from(kept);
        parts.counts += counts;
    }
    if parts.counts.rows == 0 {
        return Err(Error::data(folder.path())(DataError::NoRows));
    }
    Ok(parts)
}

/// Parts among the files that they are of would be scored next time.
fn apart(input: &Path, output: &Path) -> Result<(), Error> {
    let whole = |path: &Path| match path.as_os_str().is_empty() {
        true => Path::new(".").canonicalize().ok(),
        false => path.canonicalize().ok(),
    };
    // The output need not be there yet.
    let lies: Option<PathBuf> = output.ancestors().find_map(whole);
    match lies.zip(whole(input)) {
        Some((lies, input)) if lies.starts_with(&input) => Err(Error::Usage(format!(
            "{} lies in the folder that is scored, and its parts would be taken for rows: name a folder beside it",
            shown::path(output)
        ))),
        _ => Ok(()),
    }
}

fn part(
    job: &Job<'_, '_, '_>,
    member: &Member,
    target: &Target,
    made_of: String,
) -> Result<Counts, Error> {
    let path = target.path();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::write(folder))?;
    }
    let mut sink = Sink::create(target, &job.request.keep)?;
    let counts = job.score(Source::Member(member), &mut sink, path)?;
    let Counts {
        rows,
        scored,
        alarms,
    } = counts;
    let said = format!("{rows},{scored},{alarms}");
    let density = (DENSITY, job.density.to_owned());
    let notes = [density, (MADE_OF, made_of), (COUNTS, said)];
    sink.commit(&notes, path)?;
    Ok(counts)
}

/// The counts of a part that is there already.
fn earlier(path: &Path, made_of: &str) -> Result<Option<Counts>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let other = || Error::Earlier {
        path: path.to_owned(),
    };
    let part = Table::open(path, Default::default()).map_err(|_| other())?;
    let counts = part
        .note(COUNTS)
        .filter(|_| part.note(MADE_OF) == Some(made_of));
    let counts = counts.map(|said| {
        said.split(',')
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()
    });
    match counts {
        Some(Ok(counts)) if counts.len() == 3 => Ok(Some(Counts {
            rows: counts[0],
            scored: counts[1],
            alarms: counts[2],
        })),
        _ => Err(other()),
    }
}

/// A checksum of the model, the options, and the file: its length and its end, where Parquet says
/// where everything lies and between which values.
fn made_of(job: &Job<'_, '_, '_>, model: &ModelFile, member: &Member) -> Result<String, Error> {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&model.checksum().to_le_bytes());
    sum.update(format!("{:?}", job.request).as_bytes());
    let mut end = Vec::new();
    let length = File::open(member.path()).and_then(|mut file| {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)))?;
        file.read_to_end(&mut end)?;
        Ok(length)
    });
    let length = length.map_err(|fault| Error::data(member.path())(fault.into()))?;
    sum.update(&length.to_le_bytes());
    sum.update(&end);
    Ok(format!("{:08x}", sum.finalize()))
}
