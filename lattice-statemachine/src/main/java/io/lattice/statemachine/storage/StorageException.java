package io.lattice.statemachine.storage;

/// The store on disk failed or is not what it must be: an I/O error, a lock held by another process, a foreign or
/// damaged directory. Never the outcome of a request: whoever applies the log ends the process on it, since going on
/// would let this replica diverge.
public final class StorageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// A broken expectation about the directory or its content.
    public StorageException(String message) {
        super(message);
    }

    /// A failure of the storage library, with what was being done.
    public StorageException(String message, Throwable cause) {
        super(message, cause);
    }
}
