//! The self-tests of golden modules, run one after the other.

use flow_frame::print::Console;
use flow_frame::stop;

/// A module's name, its self-test, and the digest of its samples if it draws any.
pub type Test = (&'static str, fn() -> bool, Option<fn() -> u32>);

/// A table of the golden modules of one folder: its name, and the folder's module and path.
/// Modules of `f32` are `sampled`, those of integers only `scored`.
#[macro_export]
macro_rules! golden {
    (sampled $tests:ident $folder:ident $path:literal $($module:ident)*) => {
        $crate::golden! {
            @table $tests $folder $path
            $($module [Some(|| flow_case::sample_digest(&$folder::$module::Random))])*
        }
    };
    (scored $tests:ident $folder:ident $path:literal $($module:ident)*) => {
        $crate::golden! { @table $tests $folder $path $($module [None])* }
    };
    (@table $tests:ident $folder:ident $path:literal $($module:ident [$digest:expr])*) => {
        mod $folder {
            $(
                #[allow(dead_code)]
                pub mod $module {
                    include!(concat!(
                        env!("OUT_DIR"), "/golden/", $path, stringify!($module), ".rs"
                    ));
                }
            )*
        }

        static $tests: &[$crate::golden::Test] =
            &[$((stringify!($module), $folder::$module::self_test, $digest),)*];
    };
}

/// The digest that the desk has.
fn committed(name: &str) -> Option<u32> {
    let mut lines = include_str!("../../golden/samples.txt").lines();
    lines.find_map(|line| {
        let (own, digest) = line.split_once(' ')?;
        (own == name).then(|| digest.parse().ok())?
    })
}

/// Runs the tests of a folder and prints a line for each.
pub fn judge(console: &mut Console, folder: &str, tests: &[Test]) {
    for (name, test, digest) in tests {
        let sampled = digest.is_none_or(|digest| committed(name) == Some(digest()));
        let verdict = if test() && sampled { "same " } else { "other " };
        console.text(verdict).text(folder).text(name).end();
    }
}

/// Runs the tests of each folder, and ends the emulator.
pub fn run(folders: &[(&str, &[Test])]) -> ! {
    let mut console = Console::open();
    for (folder, tests) in folders {
        judge(&mut console, folder, tests);
    }
    console.text("end").end();
    stop::success()
}
