package io.lattice.gateway.observability;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The status view for people: one page, and the JSON object that it fetches every two seconds. Rates are the page's own work,
/// from two readings of the counters.
final class StatusView {
    private static final String PAGE = "status.html";

    private final Supplier<NodeSnapshot> node;
    private final CallMetrics calls;
    private final long beganNanos = System.nanoTime();

    StatusView(Supplier<NodeSnapshot> node, CallMetrics calls) {
        this.node = node;
        this.calls = calls;
    }

    /// The page, the same for every node.
    static String page() {
        try (InputStream in = StatusView.class.getResourceAsStream(PAGE)) {
            if (in == null) {
                throw new IllegalStateException("the build left out " + PAGE);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("the status page can't be read", e);
        }
    }

    /// The node as it is now.
    String json() {
        NodeSnapshot snapshot = node.get();
        NodeSnapshot.Consensus raft = snapshot.consensus();
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("cluster", snapshot.identity().cluster());
        object.put("node", snapshot.identity().nodeId());
        object.put("version", snapshot.identity().version());
        object.put("etcd_version", snapshot.identity().etcdVersion());
        object.put("drain", word(snapshot.identity().drain()));
        double seconds = (System.nanoTime() - beganNanos) / 1e9;
        object.put("uptime_seconds", Math.round(seconds * 1000) / 1000.0);
        object.put("leader", raft.leader());
        object.put("leading", raft.leading());
        object.put("can_linearize", raft.canLinearize());
        object.put("term", raft.term());
        object.put("leader_changes", raft.leaderChanges());
        object.put("pending_proposals", raft.pendingProposals());
        object.put("committed_index", raft.log().committed());
        object.put("applied_index", raft.log().applied());
        object.put("cache_state", word(snapshot.controlPlane().state()));
        object.put("cache_age_seconds", snapshot.controlPlane().ageSeconds());
        object.put("routing_epoch", snapshot.controlPlane().routingEpoch());
        object.put("manifest_digest", snapshot.controlPlane().manifestDigest());
        object.put("manifest_refused", snapshot.controlPlane().refusing());
        object.put("leases", snapshot.leases());
        object.put("watch_streams", snapshot.watchStreams());
        object.put("store_bytes", snapshot.storage().bytes());
        object.put("store_live_bytes", snapshot.storage().liveBytes());
        CallMetrics.Totals totals = calls.totals();
        object.put("requests_total", totals.requests());
        object.put("errors_total", totals.errors());
        object.put("received_bytes_total", totals.receivedBytes());
        object.put("sent_bytes_total", totals.sentBytes());
        object.put("groups", groups(snapshot));
        object.put("members", members(snapshot));
        object.put("tenants", tenants(snapshot));
        StringBuilder text = new StringBuilder();
        write(text, object);
        return text.append('\n').toString();
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static List<Object> groups(NodeSnapshot snapshot) {
        List<Object> groups = new ArrayList<>();
        for (NodeSnapshot.Group group : snapshot.groups()) {
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            object.put("group", group.name());
            object.put("leader", group.consensus().leader());
            object.put("term", group.consensus().term());
            object.put("applied_index", group.consensus().log().applied());
            groups.add(object);
        }
        return groups;
    }

    private static List<Object> members(NodeSnapshot snapshot) {
        List<Object> members = new ArrayList<>();
        for (NodeSnapshot.Member member : snapshot.consensus().members()) {
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            object.put("node", member.nodeId());
            object.put("raft_address", member.raftAddress());
            object.put("client_urls", member.clientUrls());
            object.put("leader", member.nodeId().equals(snapshot.consensus().leader()));
            object.put("listener", member.listener());
            object.put("lag_entries", member.lagEntries());
            members.add(object);
        }
        return members;
    }

    private static List<Object> tenants(NodeSnapshot snapshot) {
        List<Object> tenants = new ArrayList<>();
        for (NodeSnapshot.Tenant tenant : snapshot.tenants()) {
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            object.put("tenant", tenant.name());
            object.put("revision", tenant.revision());
            object.put("compaction_floor", tenant.compactionFloor());
            object.put("keys", tenant.keys());
            object.put("throttled_total", tenant.throttled());
            tenants.add(object);
        }
        return tenants;
    }

    private static void write(StringBuilder out, @Nullable Object value) {
        switch (value) {
            case null -> out.append("null");
            case Map<?, ?> map -> {
                out.append('{');
                String separator = "";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    out.append(separator);
                    quote(out, String.valueOf(entry.getKey()));
                    out.append(':');
                    write(out, entry.getValue());
                    separator = ",";
                }
                out.append('}');
            }
            case Collection<?> list -> {
                out.append('[');
                String separator = "";
                for (Object element : list) {
                    out.append(separator);
                    write(out, element);
                    separator = ",";
                }
                out.append(']');
            }
            case Number number -> out.append(number);
            case Boolean bool -> out.append(bool);
            default -> quote(out, value.toString());
        }
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
