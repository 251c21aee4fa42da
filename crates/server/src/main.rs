//! `chancery`: see the library.

/// Every request allocates and frees some hundred small pieces, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    chancery::main()
}
