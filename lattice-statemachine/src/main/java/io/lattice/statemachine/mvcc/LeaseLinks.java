package io.lattice.statemachine.mvcc;

/// Hears which keys go with which lease while a log entry is applied. Apply thread.
public interface LeaseLinks {
    /// A command of the entry gave a key this lease. That may be taken back, or changed by a later command.
    ///
    /// @param key its `current` key
    void attached(long lease, byte[] key);

    /// What the whole entry comes to for a key whose lease it changed.
    ///
    /// @param before the lease of its live record before the entry, 0 if it had none or there was none
    /// @param after likewise after the entry
    void moved(byte[] key, long before, long after);
}
