//! The same `chancery` as the product's own binary, for cargo to build beside the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    chancery::main()
}
