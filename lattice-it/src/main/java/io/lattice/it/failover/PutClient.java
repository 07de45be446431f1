package io.lattice.it.failover;

/// A client that can put. Used by one thread.
interface PutClient extends AutoCloseable {
    /// Tries once, without any retry.
    Result put(String key, long number);

    @Override
    void close();

    /// How a put ended.
    ///
    /// @param revision of the acknowledgement, else 0
    /// @param error what the client was told, else empty
    record Result(Write.Outcome outcome, long revision, String error) {
        static Result acknowledged(long revision) {
            return new Result(Write.Outcome.ACKNOWLEDGED, revision, "");
        }

        /// Judges an error by its text: only what says that nothing was sent or done is a failure.
        static Result error(String text) {
            boolean certain =
                    text.contains("etcdserver: too many requests")
                            || text.contains("etcdserver: no leader")
                            || text.contains("Connection refused");
            return new Result(certain ? Write.Outcome.FAILED : Write.Outcome.AMBIGUOUS, 0, text);
        }
    }
}
