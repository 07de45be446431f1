package io.lattice.statemachine.apply;

/// The state can't be read for the moment: a leader's snapshot is replacing it, or the node is stopping. Nothing is wrong; the
/// same read works a little later, here or on another node.
public final class StoreUnavailableException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    /// Says why.
    public StoreUnavailableException(String message) {
        super(message);
    }
}
