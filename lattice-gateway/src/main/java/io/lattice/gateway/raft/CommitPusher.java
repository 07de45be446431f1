package io.lattice.gateway.raft;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.grpc.server.GrpcLogAppender;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;
import org.apache.ratis.server.raftlog.RaftLogIOException;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.util.AwaitForSignal;
import org.jspecify.annotations.Nullable;

/// Tells followers that an entry is committed: at once those that wait for it, the others 2 ms later, unless the next entry has
/// told them by then. Also knows what is known of them.
///
/// Ratis sends the commit index only with the next entry or heartbeat, half an election timeout later, so that on
/// an otherwise idle cluster a follower would apply a write that late, and whoever waits for it there would wait as
/// long. To tell everybody at once, as etcd does, takes a heartbeat and its answer for each follower and entry, a third of what
/// an entry of one put costs.
///
/// This hook keeps the leader's log appenders, which Ratis doesn't show otherwise. An appender that is asked to push sends a
/// heartbeat as soon as its follower has the entry on disk: earlier, the follower would not take the commit index from it. A follower
/// that has it already when the entry is committed is told by the answer to what it forwarded, which spares a message both ways.
public final class CommitPusher implements CommitNews {
    /// How long a follower that nobody is known to wait at may lack what is committed.
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /// A follower that has a request and answered nothing for so long may be paused or gone.
    private static final long SILENT_MILLIS = 100;

    /// The newest appender for each follower by its Raft identity; a former leadership's are stopped and ignore what they are
    /// told.
    private final Map<String, PushingAppender> appenders = new ConcurrentHashMap<>();

    private final Deferral soon;

    CommitPusher(ReadFence.Time time) {
        soon = new Deferral(time, PATIENCE_NANOS, this::push);
    }

    @Override
    public void push(String raftId, long index) {
        PushingAppender appender = appenders.get(raftId);
        if (appender != null) {
            appender.push(index);
        }
    }

    @Override
    public boolean leaveToAnswer(String raftId, long index) {
        PushingAppender appender = appenders.get(raftId);
        return appender != null && appender.leaveToAnswer(index);
    }

    private void push(long index) {
        appenders.values().forEach(appender -> appender.push(index));
    }

    @Override
    public void pushSoon(long index) {
        soon.defer(index);
    }

    /// Has every follower told now of what it would be told soon.
    void pushDue() {
        soon.settle();
    }

    /// The followers of the newest leadership, if there was one; former members may be among them.
    List<Follower> followers() {
        return appenders.values().stream().map(a -> of(a.getFollower())).toList();
    }

    private static Follower of(FollowerInfo follower) {
        return new Follower(
                follower.getId().toString(),
                follower.getMatchIndex(),
                follower.getNextIndex(),
                follower.getLastRpcSendTime().elapsedTimeMs(),
                follower.getLastRpcResponseTime().elapsedTimeMs());
    }

    /// The newest sender to a follower, or null.
    @Nullable LogAppender appender(String raftId) {
        return appenders.get(raftId);
    }

    /// Makes the sender to a follower, and remembers it.
    LogAppender newAppender(RaftServer.Division server, LeaderState state, FollowerInfo follower) {
        PushingAppender appender = new PushingAppender(server, state, follower);
        appenders.put(follower.getId().toString(), appender);
        return appender;
    }

    /// Sends a heartbeat when its follower can make use of one, and doesn't lose wake-ups.
    private static final class PushingAppender extends GrpcLogAppender {
        private final AwaitForSignal signal;

        /// The newest index that the follower should know to be committed.
        private final AtomicLong wanted = new AtomicLong(-1);

        /// The newest index that it was told of by more than the next entry.
        private final AtomicLong told = new AtomicLong(-1);

        PushingAppender(RaftServer.Division server, LeaderState state, FollowerInfo follower) {
            super(server, state, follower);
            this.signal = new KeptSignal(follower.getName());
        }

        /// Ratis wakes a sender for each entry, and one that waits for an answer sends a heartbeat then: hundreds a second to a
        /// follower that is paused or gone, and as many warnings when they time out. The sender of a silent follower wakes up
        /// by its own heartbeats, and for an answer. An answer wakes it too; after most there is nothing to send.
        @Override
        public void notifyLogAppender() {
            if (hasWork()
                    && (!hasPendingDataRequests()
                            || getFollower().getLastRpcResponseTime().elapsedTimeMs()
                                    < SILENT_MILLIS)) {
                super.notifyLogAppender();
            }
        }

        private boolean hasWork() {
            return isDue() || hasPush(wanted.get());
        }

        /// Whether a heartbeat is due, or there are entries that the follower can be sent.
        private boolean isDue() {
            return getHeartbeatWaitTimeMs() <= 0 || (hasAppendEntries() && !isAwaited());
        }

        /// Whether the follower should be told that `index` is committed, and would believe it.
        private boolean hasPush(long index) {
            FollowerInfo follower = getFollower();
            return index > told.get()
                    && follower.getMatchIndex() >= index
                    && follower.getCommitIndex() < index;
        }

        /// Not to a peer that is away: each attempt would read parts of the snapshot and send them to nobody.
        @Override
        public @Nullable SnapshotInfo shouldInstallSnapshot() {
            return isSilent() ? null : super.shouldInstallSnapshot();
        }

        /// Nothing but heartbeats to a follower that needs a snapshot: its next entries are gone, which would end the sender, and Ratis has no
        /// other one for a member that is being added: it would take it for one that has caught up.
        @Override
        public @Nullable AppendEntriesRequestProto newAppendEntriesRequest(
                long callId, boolean heartbeat) throws RaftLogIOException {
            if (heartbeat || super.shouldInstallSnapshot() == null) {
                return super.newAppendEntriesRequest(callId, heartbeat);
            }
            return getHeartbeatWaitTimeMs() <= 0
                    ? super.newAppendEntriesRequest(callId, true)
                    : null;
        }

        /// Whether only a heartbeat can be sent: the follower needs a snapshot, and has to answer before it gets one.
        private boolean isAwaited() {
            return isSilent() && super.shouldInstallSnapshot() != null;
        }

        /// Whether the follower has answered nothing for so long that it would be a candidate.
        private boolean isSilent() {
            return getFollower().getLastRpcResponseTime().elapsedTimeMs()
                    > getServer().properties().maxRpcTimeoutMs();
        }

        private boolean leaveToAnswer(long index) {
            if (getFollower().getMatchIndex() < index) {
                return false;
            }
            told.accumulateAndGet(index, Math::max);
            return true;
        }

        private void push(long index) {
            if (wanted.getAndAccumulate(index, Math::max) < index) {
                notifyLogAppender();
            }
        }

        @Override
        public AwaitForSignal getEventAwaitForSignal() {
            return signal;
        }

        /// Without a stream, Ratis' own says yes even if there is nothing to send: its loop would turn, hundreds of thousands of times,
        /// between each failure of a peer that is away and the next heartbeat.
        @Override
        public boolean shouldSendAppendEntries() {
            if (isDue()) {
                return true;
            }
            long index = wanted.get();
            if (hasPush(index)) {
                told.accumulateAndGet(index, Math::max);
                triggerHeartbeat();
                return true;
            }
            return false;
        }
    }
}
