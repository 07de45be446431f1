package io.lattice.statemachine.mvcc;

/// Receives the records of a scan in key order.
@FunctionalInterface
public interface RecordSink {
    /// Takes a `current` key and its record, both now the sink's, and says whether to go on.
    boolean accept(byte[] key, byte[] record);
}
