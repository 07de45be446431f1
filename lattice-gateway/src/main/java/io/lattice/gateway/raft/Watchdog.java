package io.lattice.gateway.raft;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.proto.RaftProtos.ServerRpcProto;
import org.apache.ratis.server.RaftServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes a leader step down that can't do its work, where Ratis doesn't notice or not in time: its majority is
/// silent while writes keep it busy, or a disk no longer takes what is written. A disk that hangs for long ends the
/// process.
///
/// Runs on the Raft ticker.
final class Watchdog {
    private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);
    private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

    /// A sync that takes this long makes a leader step down.
    static final Duration SYNC_SLOW = Duration.ofSeconds(5);

    /// A sync that takes this long ends the process: nothing that this node could do will be durable.
    static final Duration SYNC_HUNG = Duration.ofSeconds(60);

    private final RaftServer.Division division;
    private final RaftView view;
    private final RaftSettings settings;
    private final Consumer<String> stepDown;
    private final Applications applications;
    private long checkedNanos = System.nanoTime();
    private long steppedDownNanos = System.nanoTime() - PAUSE_NANOS;
    private long applied = -1;
    private long appliedNanos = System.nanoTime();
    private long flushed = -1;
    private long flushedNanos = System.nanoTime();

    Watchdog(
            RaftServer.Division division,
            RaftView view,
            RaftSettings settings,
            Consumer<String> stepDown,
            Applications applications) {
        this.division = division;
        this.view = view;
        this.settings = settings;
        this.stepDown = stepDown;
        this.applications = applications;
    }

    void tick(long nowNanos) {
        if (nowNanos - checkedNanos < INTERVAL_NANOS) {
            return;
        }
        checkedNanos = nowNanos;
        long syncingNanos = syncingFor(nowNanos);
        if (syncingNanos >= SYNC_HUNG.toNanos()) {
            applications.failed(
                    "the Raft log's disk doesn't sync",
                    new IllegalStateException(
                            "no sync for " + TimeUnit.NANOSECONDS.toSeconds(syncingNanos) + " s"));
            return;
        }
        long stalledNanos = applyingFor(nowNanos);
        if (stalledNanos >= SYNC_HUNG.toNanos()) {
            applications.failed(
                    "committed entries aren't applied any more",
                    new IllegalStateException(
                            "none for " + TimeUnit.NANOSECONDS.toSeconds(stalledNanos) + " s"));
            return;
        }
        if (!division.getInfo().isLeader() || nowNanos - steppedDownNanos < PAUSE_NANOS) {
            return;
        }
        if (syncingNanos >= SYNC_SLOW.toNanos()) {
            steppedDownNanos = nowNanos;
            stepDown.accept(
                    "the log has not been synced for "
                            + TimeUnit.NANOSECONDS.toMillis(syncingNanos)
                            + " ms");
        } else if (stalledNanos >= SYNC_SLOW.toNanos()) {
            steppedDownNanos = nowNanos;
            stepDown.accept(
                    "nothing was applied for "
                            + TimeUnit.NANOSECONDS.toMillis(stalledNanos)
                            + " ms");
        } else if (majoritySilent()) {
            steppedDownNanos = nowNanos;
            stepDown.accept("a majority of the voters is silent");
        }
    }

    /// How long entries have waited for a sync that makes no progress, nanoseconds.
    private long syncingFor(long nowNanos) {
        long flushedNow = view.flushedIndex();
        if (flushedNow != flushed || view.lastIndex() <= flushedNow) {
            flushed = flushedNow;
            flushedNanos = nowNanos;
        }
        return nowNanos - flushedNanos;
    }

    /// How long committed entries have waited to be applied without progress, nanoseconds: the state's disk may be
    /// another one than the log's.
    private long applyingFor(long nowNanos) {
        long appliedNow = view.appliedIndex();
        if (appliedNow != applied || view.committedIndex() <= appliedNow) {
            applied = appliedNow;
            appliedNanos = nowNanos;
        }
        return nowNanos - appliedNanos;
    }

    private boolean majoritySilent() {
        long silenceMsMax = 2 * settings.electionTimeoutMax().toMillis();
        RoleInfoProto role;
        try {
            role = division.getInfo().getRoleInfoProto();
        } catch (IllegalStateException e) {
            // Ratis asserts in the instant of a role change; the next tick sees what came of it.
            LOG.debug("the role is changing", e);
            return false;
        }
        if (!role.hasLeaderInfo()) {
            return false;
        }
        Set<String> heard = new HashSet<>();
        heard.add(view.nodeId());
        for (ServerRpcProto follower : role.getLeaderInfo().getFollowerInfoList()) {
            if (follower.getLastRpcElapsedTimeMs() <= silenceMsMax) {
                heard.add(follower.getId().getId().toStringUtf8());
            }
        }
        return !view.voters().isMajority(heard);
    }
}
