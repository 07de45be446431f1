package io.lattice.statemachine.apply;

/// The errors that reading and applying can answer, with etcd's codes and exact texts: clients match on the text. Source:
/// etcd's `api/v3rpc/rpctypes/error.go` and, for streams, `server/etcdserver/api/v3rpc/key.go`.
public enum Refusal {
    /// No key was given.
    EMPTY_KEY(Code.INVALID_ARGUMENT, "etcdserver: key is not provided"),
    /// `ignore_value` or `ignore_lease` on a missing key, or an operation of a transaction that is none.
    KEY_NOT_FOUND(Code.INVALID_ARGUMENT, "etcdserver: key not found"),
    /// `ignore_value` with a value.
    VALUE_PROVIDED(Code.INVALID_ARGUMENT, "etcdserver: value is provided"),
    /// `ignore_lease` with a lease.
    LEASE_PROVIDED(Code.INVALID_ARGUMENT, "etcdserver: lease is provided"),
    /// A transaction with more operations than allowed.
    TOO_MANY_OPS(Code.INVALID_ARGUMENT, "etcdserver: too many operations in txn request"),
    /// A transaction that puts a key twice, or puts and deletes it.
    DUPLICATE_KEY(Code.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"),
    /// An unknown sort order or target.
    INVALID_SORT_OPTION(Code.INVALID_ARGUMENT, "etcdserver: invalid sort option"),
    /// The encoded request is larger than allowed.
    REQUEST_TOO_LARGE(Code.INVALID_ARGUMENT, "etcdserver: request is too large"),
    /// A revision below the compact revision, or a compaction at or below it.
    COMPACTED(Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"),
    /// A revision above the newest one.
    FUTURE_REVISION(Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"),
    /// A put with a lease that does not exist.
    LEASE_NOT_FOUND(Code.NOT_FOUND, "etcdserver: requested lease not found"),
    /// A grant with the id of a lease that exists.
    LEASE_EXISTS(Code.FAILED_PRECONDITION, "etcdserver: lease already exists"),
    /// A grant with a TTL above 9,000,000,000 s.
    LEASE_TTL_TOO_LARGE(Code.OUT_OF_RANGE, "etcdserver: too large lease TTL"),
    /// A write that stores more while the tenant's alarm NOSPACE stands.
    NO_SPACE(Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
    /// A write while the tenant's alarm CORRUPT stands.
    CORRUPT(Code.DATA_LOSS, "etcdserver: corrupt cluster"),
    /// More alarms than are kept.
    TOO_MANY_REQUESTS(Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
    /// RangeStream with a sort.
    STREAM_SORT_UNSUPPORTED(Code.UNIMPLEMENTED, "RangeStream does not support custom sort orders"),
    /// RangeStream with revision filters.
    STREAM_FILTER_UNSUPPORTED(Code.UNIMPLEMENTED, "RangeStream does not support revision filters");

    /// The canonical gRPC codes in use; this module does not depend on gRPC.
    private static final class Code {
        private static final int INVALID_ARGUMENT = 3;
        private static final int NOT_FOUND = 5;
        private static final int RESOURCE_EXHAUSTED = 8;
        private static final int FAILED_PRECONDITION = 9;
        private static final int OUT_OF_RANGE = 11;
        private static final int UNIMPLEMENTED = 12;
        private static final int DATA_LOSS = 15;

        private Code() {}
    }

    private final int grpcCode;
    private final String text;

    Refusal(int grpcCode, String text) {
        this.grpcCode = grpcCode;
        this.text = text;
    }

    /// The canonical gRPC status code.
    public int grpcCode() {
        return grpcCode;
    }

    /// The status description, exactly as etcd's clients expect it.
    public String text() {
        return text;
    }
}
