//! The same `chancery` as the product's own binary, for cargo to build beside its judges.

use std::process::ExitCode;

fn main() -> ExitCode {
    chancery::main()
}
