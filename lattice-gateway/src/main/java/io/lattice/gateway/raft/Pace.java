package io.lattice.gateway.raft;

import java.util.concurrent.TimeUnit;

/// When the next batch may go: at once, unless it is worth waiting for more, or one was refused a moment ago.
///
/// A leader waits for clients that it has just answered ([BatchPacer]) and for those that come as a stream ([StreamPacer]). A follower does for the
/// first, and for the second when the leader says so: an entry is shared only if all nodes send at about the same time. Whatever comes of
/// a tenant that has no stream ends the wait for streams: who saves nothing by a wait shouldn't pay for it.
///
/// Not thread-safe: the proposer guards it.
final class Pace {
    /// Pause before something that was surely not appended is routed again.
    static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final BatchPacer batches = new BatchPacer();
    private final StreamPacer stream;
    private final long pauseNanosMax;
    private long pauseEndNanos;
    private long retryNanos;

    /// @param waitNanosMax the longest wait for a stream
    Pace(long waitNanosMax, long nowNanos) {
        this.stream = new StreamPacer(waitNanosMax, nowNanos);
        this.pauseNanosMax = waitNanosMax;
        this.pauseEndNanos = nowNanos;
        this.retryNanos = nowNanos;
    }

    /// As the leader, this node sent an entry.
    void entryBegan(EntryInFlight entry) {
        int commands = entry.commands();
        stream.began(commands, entry.earlyCommands(), entry.beganNanos());
        batches.began(stream.commandsThatComeBack(commands));
    }

    /// That entry was applied.
    void entryEnded(long nowNanos) {
        batches.ended(nowNanos);
        stream.ended(nowNanos);
    }

    /// As a follower, this node forwarded a proposal.
    void proposalBegan(int commands) {
        batches.began(commands);
    }

    /// That proposal was applied.
    ///
    /// @param pauseNanos how long the leader wants the next one to wait
    void proposalEnded(long pauseNanos, long nowNanos) {
        batches.ended(nowNanos);
        pause(pauseNanos, nowNanos);
    }

    /// The leader wants the next proposal to wait since the last was applied. It does no longer than this node may wait, whatever the leader
    /// says.
    void pause(long nanos, long appliedNanos) {
        pauseEndNanos = appliedNanos + Math.clamp(nanos, 0, pauseNanosMax);
    }

    /// What was sent came back: nothing is sent for a moment.
    void retryLater(long nowNanos) {
        retryNanos = nowNanos + RETRY_NANOS;
    }

    /// How long so many should still wait, nanoseconds; 0 if they may go.
    ///
    /// @param leads whether this node leads
    /// @param hurried whether some are of a tenant that has no stream
    long nanosToWait(boolean leads, int commands, boolean hurried, long nowNanos) {
        long forStream = 0;
        if (!hurried && !StreamPacer.isEnough(commands)) {
            forStream = leads ? stream.nanosToWait(nowNanos) : pauseEndNanos - nowNanos;
        }
        long forCompany = Math.max(batches.nanosToWait(commands, nowNanos), forStream);
        return Math.max(0, Math.max(forCompany, retryNanos - nowNanos));
    }

    /// How long, from the end of an entry that holds one, another node should wait before it forwards the next, nanoseconds. 0 if nobody waits
    /// for a stream.
    long nanosForOthers() {
        return stream.nanosForOthers();
    }
}
