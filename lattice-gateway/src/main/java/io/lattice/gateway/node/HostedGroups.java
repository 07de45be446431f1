package io.lattice.gateway.node;

import io.lattice.cp.manifest.Manifest;
import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.TenantRouter;
import io.lattice.gateway.raft.RaftHost;
import io.lattice.gateway.raft.RaftNode;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The Raft groups on this node. What they are at the start is opened before the node serves; groups that a later manifest gives
/// it are opened while it serves, and their voters are known to those that want to join. It doesn't leave a group.
///
/// Thread-safe. Opened by one thread, closed once.
final class HostedGroups {
    private static final Logger LOG = LoggerFactory.getLogger(HostedGroups.class);

    private final RaftHost host;
    private final HostedGroup.Node node;
    private final Map<String, HostedGroup> groups = new ConcurrentSkipListMap<>();

    /// Groups that a thread is opening. Guarded by this.
    private final Set<String> opening = new HashSet<>();

    /// Guarded by this.
    private boolean closed;

    HostedGroups(RaftHost host, HostedGroup.Node node) {
        this.host = host;
        this.node = node;
    }

    /// Opens all of them at once, since nodes that found groups wait for each other in each, and returns when all are open.
    ///
    /// @throws IOException if one can't be opened; the others stay open
    void open(List<Placement> placements) throws IOException, InterruptedException {
        Map<String, CompletableFuture<HostedGroup>> opened = new HashMap<>();
        for (Placement placement : placements) {
            opened.put(placement.group(), openAsync(placement));
        }
        for (CompletableFuture<HostedGroup> group : opened.values()) {
            try {
                groups.putIfAbsent(group.get().name(), group.get());
            } catch (ExecutionException e) {
                throw unwrapped(e.getCause());
            }
        }
    }

    /// A failure as the caller of a plain method would have met it.
    private static IOException unwrapped(@Nullable Throwable failure) throws InterruptedException {
        return switch (failure) {
            case IOException e -> e;
            case InterruptedException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case null, default -> new IOException(failure);
        };
    }

    private CompletableFuture<HostedGroup> openAsync(Placement placement) {
        CompletableFuture<HostedGroup> opened = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .name("lattice-open-" + placement.group())
                .start(() -> {
                    try {
                        RaftNode raft = host.open(RaftMapping.group(node.config(), placement));
                        opened.complete(new HostedGroup(node, placement, raft));
                    } catch (IOException | InterruptedException | RuntimeException | Error e) {
                        opened.completeExceptionally(e);
                    }
                });
        return opened;
    }

    /// Begins what the groups do by themselves.
    void start() {
        groups.values().forEach(HostedGroup::start);
    }

    /// Goes by a later manifest.
    void follow(Manifest manifest) {
        LatticeConfig config = node.config();
        List<Placement> placements;
        try {
            placements = Placement.of(config, manifest);
        } catch (IOException e) {
            LOG.warn("this node keeps its groups {}: {}", groups.keySet(), e.getMessage());
            return;
        }
        Set<String> left = new HashSet<>(groups.keySet());
        for (Placement placement : placements) {
            left.remove(placement.group());
            HostedGroup here = groups.get(placement.group());
            if (here != null) {
                here.raft().configure(RaftMapping.group(config, placement));
            } else {
                openLater(placement);
            }
        }
        if (!left.isEmpty()) {
            LOG.warn(
                    "the manifest takes groups {} from this node, which this version doesn't act on: they stay",
                    left);
        }
    }

    private void openLater(Placement placement) {
        synchronized (this) {
            if (closed || !opening.add(placement.group())) {
                return;
            }
        }
        LOG.info("the manifest gives this node group {}", placement.group());
        var _ =
                openAsync(placement)
                        .whenComplete(
                                (group, failure) -> opened(placement.group(), group, failure));
    }

    private synchronized void opened(
            String name, @Nullable HostedGroup group, @Nullable Throwable failure) {
        opening.remove(name);
        if (closed) {
            LOG.debug("group {} is open too late: the node stops", name, failure);
        } else if (group != null) {
            groups.put(name, group);
            group.start();
            LOG.info("group {} is open", name);
        } else {
            Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null
                            ? failure.getCause()
                            : failure;
            LOG.error(
                    "group {} can't be opened; the next manifest has it tried again", name, cause);
        }
    }

    /// Those that are open, by name.
    Collection<HostedGroup> all() {
        return groups.values();
    }

    /// The services of a group, null if it isn't open here.
    TenantRouter.@Nullable Services methods(String group) {
        HostedGroup here = groups.get(group);
        return here == null ? null : here.methods();
    }

    /// Ends the watch streams, and opens no group any more.
    void stopWatches() {
        synchronized (this) {
            closed = true;
        }
        groups.values().forEach(HostedGroup::stopWatches);
    }

    /// Ends what would otherwise wait, when there are no new calls any more.
    void stopWaiting() {
        groups.values().forEach(HostedGroup::stopWaiting);
    }

    /// Ends what the groups do by themselves.
    void stop() {
        groups.values().forEach(HostedGroup::stop);
    }
}
