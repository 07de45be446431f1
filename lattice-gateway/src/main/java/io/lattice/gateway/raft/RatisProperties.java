package io.lattice.gateway.raft;

import java.io.File;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

/// Ratis' settings, each with the reason where it isn't Ratis' own default.
final class RatisProperties {
    /// The largest entry that fits an append. A batch of the configured size, or one request of the largest size,
    /// has to fit with room to spare: an entry that is too large makes the leader step down.
    static final int ENTRY_BYTES_MAX = 8 << 20;

    /// Entries that Ratis lets be under way, by its count; it doesn't always count down.
    static final int PERMITS = 2048;

    private static final int MESSAGE_BYTES_MAX = 64 << 20;

    private RatisProperties() {}

    static RaftProperties of(RaftSettings settings) {
        RaftProperties p = new RaftProperties();
        // The default is below /tmp.
        File wal = settings.walDirectory().toFile();
        RaftServerConfigKeys.setStorageDir(p, List.of(wal));
        RaftServerConfigKeys.setRemovedGroupsDir(
                p, settings.walDirectory().resolve("removed").toFile());
        transport(p, settings);
        elections(p, settings);
        log(p, settings);
        snapshots(p);
        // Replies are empty, and nothing is ever sent again under the same id: the cache only costs
        // heap.
        RaftServerConfigKeys.RetryCache.setExpiryTime(p, seconds(2));
        // Reads go through our own fence.
        RaftServerConfigKeys.Read.setOption(p, RaftServerConfigKeys.Read.Option.DEFAULT);
        RaftServerConfigKeys.Read.setLeaderLeaseEnabled(p, false);
        return p;
    }

    private static void transport(RaftProperties p, RaftSettings settings) {
        p.set(RaftConfigKeys.Rpc.TYPE_KEY, RatisTransport.Type.class.getName());
        if (!settings.bindHost().isEmpty()) {
            GrpcConfigKeys.Server.setHost(p, settings.bindHost());
        }
        GrpcConfigKeys.Server.setPort(p, settings.bindPort());
        GrpcConfigKeys.setMessageSizeMax(p, SizeInBytes.valueOf(MESSAGE_BYTES_MAX));
    }

    private static void elections(RaftProperties p, RaftSettings settings) {
        TimeDuration min = millis(settings.electionTimeoutMin());
        TimeDuration max = millis(settings.electionTimeoutMax());
        RaftServerConfigKeys.Rpc.setTimeoutMin(p, min);
        RaftServerConfigKeys.Rpc.setTimeoutMax(p, max);
        // A lone node has nobody to wait for.
        boolean alone = settings.alone();
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(
                p, alone ? TimeDuration.valueOf(20, TimeUnit.MILLISECONDS) : min);
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(
                p, alone ? TimeDuration.valueOf(40, TimeUnit.MILLISECONDS) : max);
        // By default a node that lost its majority doesn't campaign for 10 s.
        RaftServerConfigKeys.LeaderElection.setLeaderStepDownWaitTime(p, seconds(1));
        RaftServerConfigKeys.LeaderElection.setPreVote(p, true);
        // A new member has to receive a snapshot; the default is less than a second.
        RaftServerConfigKeys.setStagingTimeout(p, seconds(300));
    }

    private static void log(RaftProperties p, RaftSettings settings) {
        RaftServerConfigKeys.Log.setUseMemory(p, false);
        RaftServerConfigKeys.Log.setSegmentSizeMax(
                p, SizeInBytes.valueOf(settings.segmentSizeBytes()));
        RaftServerConfigKeys.Log.setWriteBufferSize(p, SizeInBytes.valueOf(ENTRY_BYTES_MAX + 1024));
        RaftServerConfigKeys.Log.setSegmentCacheNumMax(p, 3);
        // A full log queue blocks under the server's lock, so writes are refused before it is full.
        RaftServerConfigKeys.Log.setQueueElementLimit(p, 4096);
        RaftServerConfigKeys.Write.setElementLimit(p, PERMITS);
        // With it on, a dead follower stops commits.
        RaftServerConfigKeys.Write.setFollowerGapRatioMax(p, -1f);
        // Either of these would advance past a failed sync.
        RaftServerConfigKeys.Log.setUnsafeFlushEnabled(p, false);
        RaftServerConfigKeys.Log.setAsyncFlushEnabled(p, false);
        // Composing orders appends by two more threads, and confirms what isn't stored.
        // AppendsInTurn
        // orders them.
        RaftServerConfigKeys.Log.setAppendEntriesComposeEnabled(p, false);
        RaftServerConfigKeys.Log.setCorruptionPolicy(
                p, RaftServerConfigKeys.Log.CorruptionPolicy.EXCEPTION);
        // Otherwise every commit costs an entry and a sync more.
        RaftServerConfigKeys.Log.setLogMetadataEnabled(p, false);
        // Otherwise a dead peer pins the log for ever.
        RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(p, true);
        RaftServerConfigKeys.Log.setPurgePreservationLogNum(p, settings.logRetainedEntries());
        RaftServerConfigKeys.Log.Appender.setBufferByteLimit(
                p, SizeInBytes.valueOf(ENTRY_BYTES_MAX));
        // By default it sleeps a millisecond between two sends.
        RaftServerConfigKeys.Log.Appender.setWaitTimeMin(p, TimeDuration.ZERO);
        // By default a leader soon waits for up to 7.5 s before it tries a peer that is away again:
        // for so long a restarted node would serve nothing. Who doesn't come back within a minute
        // or
        // so is tried every 1 to 3 s, since attempts in hundreds of groups add up.
        RaftServerConfigKeys.Log.Appender.setRetryPolicy(
                p, "1ms,10,250ms,200,2s,%d".formatted(Integer.MAX_VALUE));
    }

    private static void snapshots(RaftProperties p) {
        // The state machine makes checkpoints in the background; Ratis' own trigger would hold up
        // applying.
        RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(p, false);
        RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(p, false);
        RaftServerConfigKeys.Log.Appender.setInstallSnapshotEnabled(p, true);
    }

    private static TimeDuration millis(Duration duration) {
        return TimeDuration.valueOf(duration.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static TimeDuration seconds(long seconds) {
        return TimeDuration.valueOf(seconds, TimeUnit.SECONDS);
    }
}
