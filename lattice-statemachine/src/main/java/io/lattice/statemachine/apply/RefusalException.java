package io.lattice.statemachine.apply;

/// Carries a [Refusal] out of a read, whose result type has no room for it. Thrown by the `query` package only; applying
/// returns [Outcome] instead. Has no stack trace: it is an answer, not a defect.
public final class RefusalException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Refusal refusal;

    /// Wraps a refusal.
    public RefusalException(Refusal refusal) {
        super(refusal.text(), null, false, false);
        this.refusal = refusal;
    }

    /// What to answer.
    public Refusal refusal() {
        return refusal;
    }
}
