package io.lattice.gateway.raft;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.ratis.grpc.server.GrpcLogAppender;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;
import org.apache.ratis.util.AwaitForSignal;
import org.jspecify.annotations.Nullable;

/// Tells followers at once that an entry is committed, and what is known of them.
///
/// Ratis sends the commit index only with the next entry or heartbeat, half an election timeout later, so that on
/// an otherwise idle cluster a follower would apply a write that late, and whoever waits for it there would wait as
/// long. etcd sends it at once. This hook keeps the leader's log appenders, which Ratis doesn't show otherwise. An
/// appender that is asked to push sends a heartbeat as soon as its follower has the entry on disk: earlier, the
/// follower would not take the commit index from it.
public final class CommitPusher {
    /// The newest appender for each follower; a former leadership's are stopped and ignore what they are told.
    private final Map<RaftPeerId, LogAppender> appenders = new ConcurrentHashMap<>();

    /// The newest index that followers should know to be committed.
    private volatile long wanted = -1;

    /// Has every follower told that `index` is committed, unless it knows. Cheap and non-blocking.
    void push(long index) {
        wanted = index;
        for (LogAppender appender : appenders.values()) {
            appender.notifyLogAppender();
        }
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
        return appenders.get(RaftPeerId.valueOf(raftId));
    }

    /// Makes the sender to a follower, and remembers it.
    LogAppender newAppender(RaftServer.Division server, LeaderState state, FollowerInfo follower) {
        LogAppender appender = new PushingAppender(this, server, state, follower);
        appenders.put(follower.getId(), appender);
        return appender;
    }

    /// Sends a heartbeat when its follower can make use of one, and doesn't lose wake-ups.
    private static final class PushingAppender extends GrpcLogAppender {
        private final CommitPusher pusher;
        private final AwaitForSignal signal;
        private long pushed = -1; // only on the appender's thread

        PushingAppender(
                CommitPusher pusher,
                RaftServer.Division server,
                LeaderState state,
                FollowerInfo follower) {
            super(server, state, follower);
            this.pusher = pusher;
            this.signal = new KeptSignal(follower.getName());
        }

        @Override
        public AwaitForSignal getEventAwaitForSignal() {
            return signal;
        }

        @Override
        public boolean shouldSendAppendEntries() {
            if (super.shouldSendAppendEntries()) {
                return true;
            }
            long wanted = pusher.wanted;
            FollowerInfo follower = getFollower();
            if (wanted > pushed
                    && follower.getMatchIndex() >= wanted
                    && follower.getCommitIndex() < wanted) {
                pushed = wanted;
                triggerHeartbeat();
                return true;
            }
            return false;
        }
    }
}
