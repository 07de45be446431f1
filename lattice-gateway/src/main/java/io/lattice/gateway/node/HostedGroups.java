package io.lattice.gateway.node;

import io.lattice.cp.cache.CacheState;
import io.lattice.cp.manifest.Manifest;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import io.lattice.gateway.grpc.TenantRouter;
import io.lattice.gateway.raft.RaftHost;
import io.lattice.gateway.raft.RaftNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The Raft groups on this node. Those that it has at the start are opened before it serves, but for one that waits for other nodes
/// while another is open; groups that a later manifest gives it are opened while it serves.
///
/// A group that a later manifest gives to other nodes only is served no more at once, and left when its leader says that this node
/// is out of it for good; what is on disk is put aside. A group in which this node is to vote from now on, or to vote no more, is left in
/// the same way and opened again. Leaders take out the members that the manifest doesn't name in their role, if the
/// manifest is fresh: an old one might name fewer. A group that no manifest names any more stays where it is.
///
/// Thread-safe. Opened by one thread, closed once.
final class HostedGroups {
    private static final Logger LOG = LoggerFactory.getLogger(HostedGroups.class);

    private static final long TEND_MS = 1_000;

    /// So long a node that has a group open waits for its other ones before it serves.
    private static final long PATIENCE_SECONDS = 10;

    private final RaftHost host;
    private final HostedGroup.Node node;
    private final Map<String, HostedGroup> groups = new ConcurrentSkipListMap<>();

    /// Groups that a thread is opening, with how that ends. Guarded by this.
    private final Map<String, CompletableFuture<HostedGroup>> opening = new HashMap<>();

    /// Groups that this node serves no more, of those that are open.
    private final Set<String> leaving = ConcurrentHashMap.newKeySet();

    private final ScheduledExecutorService changes =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().name("lattice-groups").daemon().factory());

    /// Groups that couldn't be opened: what was opened of them may still be held. Guarded by this.
    private final Set<String> failed = new HashSet<>();

    /// What was followed last. Guarded by this.
    private @Nullable Manifest followed;

    /// Whether groups are to work by themselves from when they are open. Guarded by this.
    private boolean started;

    /// Guarded by this.
    private boolean closed;

    HostedGroups(RaftHost host, HostedGroup.Node node) {
        this.host = host;
        this.node = node;
    }

    /// Opens groups all at once, since nodes that found groups wait for each other in each, and returns when the node can serve. Those that
    /// have data here come first, if there are more than there may be.
    ///
    /// @throws IOException if one can't be opened by then; the others stay open
    void open(List<Placement> placements) throws IOException, InterruptedException {
        CompletableFuture<Void> end = new CompletableFuture<>();
        List<CompletableFuture<HostedGroup>> all = new ArrayList<>();
        List<Placement> ordered =
                placements.stream().sorted(Comparator.comparing(this::isNew)).toList();
        for (Placement placement : ordered) {
            CompletableFuture<HostedGroup> opened = begin(placement);
            if (opened != null) {
                all.add(opened);
                var _ =
                        opened.whenComplete((_, failure) -> {
                            if (failure != null) {
                                end.completeExceptionally(failure);
                            }
                        });
            }
        }
        var _ =
                CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]))
                        .thenRun(() -> end.complete(null));
        boolean serves = false;
        while (!serves) {
            try {
                end.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                serves = true;
            } catch (TimeoutException e) {
                serves = !groups.isEmpty();
                LOG.info("open so far: {} of {} groups", groups.size(), placements.size());
            } catch (ExecutionException e) {
                throw unwrapped(e.getCause());
            }
        }
    }

    private boolean isNew(Placement placement) {
        return !host.hasDataOf(RaftMapping.group(node.config(), placement));
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

    /// Begins to open a group; null if that isn't to be.
    private synchronized @Nullable CompletableFuture<HostedGroup> begin(Placement placement) {
        String name = placement.group();
        if (closed || failed.contains(name) || groups.containsKey(name)) {
            return null;
        }
        CompletableFuture<HostedGroup> under = opening.get(name);
        if (under != null) {
            return under;
        }
        int groupsMax = node.config().limits().groupsMax();
        int had = groups.size() + opening.size();
        if (had >= groupsMax) {
            LOG.error(
                    "group {} is not opened: limits.groups_max: this node has {} groups; allowed {} (raise the limit if the machine has memory, threads and files for more, or give groups to other nodes)",
                    name,
                    had,
                    groupsMax);
            return null;
        }
        CompletableFuture<HostedGroup> opened = new CompletableFuture<>();
        opening.put(name, opened);
        Thread.ofPlatform()
                .daemon()
                .name("lattice-open-" + name)
                .start(() -> {
                    try {
                        RaftNode raft = host.open(RaftMapping.group(node.config(), placement));
                        opened(new HostedGroup(node, placement, raft));
                        opened.complete(groups.get(name));
                    } catch (IOException | InterruptedException | RuntimeException | Error e) {
                        failed(name, e);
                        opened.completeExceptionally(e);
                    }
                });
        return opened;
    }

    private synchronized void opened(HostedGroup group) {
        opening.remove(group.name());
        groups.put(group.name(), group);
        if (started && !closed) {
            group.start();
            LOG.info("group {} is open", group.name());
        }
        // It was opened by a manifest that may not be the newest any more.
        if (followed != null && !closed) {
            follow(followed);
        }
    }

    private synchronized void failed(String name, Throwable failure) {
        opening.remove(name);
        failed.add(name);
        if (closed) {
            LOG.debug("group {} was being opened when the node stopped", name, failure);
        } else {
            LOG.error("group {} can't be opened before this node is restarted", name, failure);
        }
    }

    /// Begins what the groups do by themselves.
    synchronized void start() {
        started = true;
        groups.values().forEach(HostedGroup::start);
        if (node.config().controlPlane().mode() == ControlPlaneMode.CLUSTOR) {
            var _ =
                    changes.scheduleWithFixedDelay(
                            this::tend, TEND_MS, TEND_MS, TimeUnit.MILLISECONDS);
        }
    }

    /// Brings the members of the groups nearer to the manifest's.
    private void tend() {
        try {
            boolean fresh = node.manifests().state() == CacheState.FRESH;
            Map<String, Manifest.Group> wanted = node.manifests().current().groups();
            groups.values().forEach(group -> tend(group, wanted.get(group.name()), fresh));
        } catch (RuntimeException e) {
            LOG.error("the members of the groups could not be looked after", e);
        }
    }

    private void tend(HostedGroup group, Manifest.@Nullable Group manifest, boolean fresh) {
        try {
            if (manifest != null && fresh) {
                group.raft().dropOthers(nodeIds(manifest.voters()), nodeIds(manifest.listeners()));
            }
            if (leaving.contains(group.name())) {
                group.raft().askWhetherGone(true, () -> change(() -> left(group)));
            } else if (group.raft().view().hasListenersRole() && !group.hasLeader()) {
                // It may have been taken out while it slept, and would never hear of it.
                group.raft().askWhetherGone(false, () -> change(() -> lost(group)));
            }
        } catch (RuntimeException e) {
            // The division may close meanwhile; the next look is soon.
            LOG.warn("the members of group {} could not be looked after", group.name(), e);
        }
    }

    private static List<String> nodeIds(List<Manifest.Replica> replicas) {
        return replicas.stream().map(Manifest.Replica::nodeId).toList();
    }

    private void change(Runnable change) {
        try {
            changes.execute(change);
        } catch (RejectedExecutionException e) {
            LOG.debug("the node stops", e);
        }
    }

    private void left(HostedGroup group) {
        close(
                group,
                () ->
                        LOG.info(
                                "left group {}: what this node had of it is in {}",
                                group.name(),
                                host.leave(group.raft())));
    }

    /// Closes a group that this node was leaving when a manifest gave it back: opened again, it finds out whether it is a member.
    private void reopen(HostedGroup group) {
        close(
                group,
                () -> {
                    host.release(group.raft());
                    LOG.info("the manifest gives this node group {} again", group.name());
                });
    }

    private void lost(HostedGroup group) {
        synchronized (this) {
            // Each voter asked may say so, and the group may be open again by then.
            if (groups.get(group.name()) != group || leaving.contains(group.name())) {
                return;
            }
            beginLeaving(group, "this node was taken out of it");
        }
        reopen(group);
    }

    /// Closes a group's member.
    @FunctionalInterface
    private interface Closing {
        void close() throws IOException;
    }

    /// Closes a group that this node doesn't serve any more. Outside of the monitor, since it may take as long as closing a store.
    private void close(HostedGroup group, Closing closing) {
        String name = group.name();
        synchronized (this) {
            if (closed || !leaving.contains(name) || groups.get(name) != group) {
                return;
            }
            groups.remove(name);
            // Not opened again before it is closed.
            failed.add(name);
        }
        group.stop();
        boolean done = false;
        try {
            closing.close();
            done = true;
        } catch (IOException | RuntimeException e) {
            LOG.error("group {} was not closed: restart this node", name, e);
        }
        synchronized (this) {
            leaving.remove(name);
            if (done) {
                failed.remove(name);
            }
            if (followed != null && !closed) {
                follow(followed);
            }
        }
    }

    private void beginLeaving(HostedGroup group, String reason) {
        if (leaving.add(group.name())) {
            LOG.info("leaving group {}: {}", group.name(), reason);
            group.raft().beginLeaving();
            group.stopWatches();
            group.stopWaiting();
        }
    }

    /// Goes by a later manifest.
    synchronized void follow(Manifest manifest) {
        followed = manifest;
        List<Placement> placements;
        try {
            placements = Placement.of(node.config(), manifest);
        } catch (IOException e) {
            LOG.warn("this node keeps its groups {}: {}", groups.keySet(), e.getMessage());
            return;
        }
        Set<String> others = new HashSet<>(groups.keySet());
        // One that waits to be founded has to know, and to say, that it isn't to be any more.
        others.addAll(opening.keySet());
        for (Placement placement : placements) {
            others.remove(placement.group());
            host.configure(RaftMapping.group(node.config(), placement));
            HostedGroup open = groups.get(placement.group());
            if (open != null && open.raft().view().isListener() != placement.listens()) {
                beginLeaving(
                        open,
                        placement.listens()
                                ? "the manifest has this node be a listener of it"
                                : "the manifest has this node be a voter of it");
            } else if (open != null && leaving.contains(placement.group())) {
                change(() -> reopen(open));
            }
            if (!groups.containsKey(placement.group())
                    && !opening.containsKey(placement.group())
                    && begin(placement) != null) {
                LOG.info("the manifest gives this node group {}", placement.group());
            }
        }
        for (String name : others) {
            Manifest.Group elsewhere = manifest.groups().get(name);
            if (elsewhere != null) {
                // As long as this node leads the group, it takes in who is to be there.
                host.configure(RaftMapping.group(node.config(), name, elsewhere));
                HostedGroup open = groups.get(name);
                if (open != null) {
                    beginLeaving(open, "the manifest gives it to other nodes only");
                }
            } else {
                LOG.warn(
                        "the manifest doesn't name group {} any more: it stays on this node", name);
            }
        }
    }

    /// Those that this node serves, by name.
    Collection<HostedGroup> all() {
        return groups.values().stream().filter(group -> !leaving.contains(group.name())).toList();
    }

    /// The services of a group, null if it isn't open here.
    TenantRouter.@Nullable Services methods(String group) {
        HostedGroup here = groups.get(group);
        return here == null || leaving.contains(group) ? null : here.methods();
    }

    /// Opens and leaves no group any more.
    void stopChanging() {
        synchronized (this) {
            closed = true;
        }
        changes.shutdownNow();
    }

    /// Ends the watch streams.
    void stopWatches() {
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
