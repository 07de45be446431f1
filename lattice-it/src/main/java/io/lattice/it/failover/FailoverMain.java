package io.lattice.it.failover;

import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.DiskFaults;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.LoopbackNetwork;
import io.lattice.it.cluster.NamespaceNetwork;
import io.lattice.it.cluster.ServerKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TestNetwork;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// `FailoverMain FAULT --rounds N [--dir D] [--base-port P] [--seed S] [--server lattice|etcd]
/// [--groups G] [--insecure]`: starts a three-node cluster with mutual TLS under D, plays N rounds, ends the
/// cluster. With G groups, 2 or more, the nodes follow a control plane that gives them so many Raft groups.
///
/// The last line is `rounds N acknowledged N lost 0 doubled 0 longest-gap-ms X`, the one before it
/// `stale 0`. Exit code 0: every promise was kept; 1: one was broken, or the cluster did not recover; 2:
/// wrong usage.
public final class FailoverMain {
    private static final int NODES = 3;
    private static final int NAMESPACES = 77;
    private static final String CONTROL_PLANE = "cp";

    private FailoverMain() {}

    /// @param basePort 0: any free ports
    private record Options(
            Fault fault,
            int rounds,
            Path directory,
            int basePort,
            long seed,
            ServerKind kind,
            int groups,
            boolean tls) {}

    public static void main(String[] arguments) {
        int exit;
        try {
            exit = run(parse(arguments));
        } catch (UsageException e) {
            System.err.println(e.getMessage());
            System.err.println(
                    "usage: %s --rounds N [--dir D] [--base-port P] [--seed S] [--server lattice|etcd] [--groups 1..%d] [--insecure]"
                            .formatted(
                                    Arrays.stream(Fault.values())
                                            .map(Fault::title)
                                            .collect(Collectors.joining("|")),
                                    Groups.MOST));
            exit = 2;
        }
        // Clients' threads of a failed run must not keep the process.
        System.exit(exit);
    }

    private static int run(Options options) {
        System.out.printf(
                "%s: %d rounds under %s, seed %d%n",
                options.fault().title(), options.rounds(), options.directory(), options.seed());
        for (int i = 1; i <= NODES; i++) {
            TestCluster.deleteTree(options.directory().resolve("n" + i));
        }
        TestCluster.deleteTree(options.directory().resolve(CONTROL_PLANE));
        TestNetwork network =
                options.fault() == Fault.PARTITION_LEADER
                        ? NamespaceNetwork.create(NAMESPACES, NODES)
                        : new LoopbackNetwork();
        DiskFaults diskFaults =
                options.fault().isOfDisks() ? DiskFaults.create(options.directory()) : null;
        FailoverRun.Result result =
                options.groups() == 1
                        ? playAlone(options, network, diskFaults)
                        : playGroups(options, network, diskFaults);
        result.violations().forEach(System.out::println);
        if (result.others() > 0) {
            System.out.println("other violations " + result.others());
        }
        System.out.println("stale " + result.stale());
        System.out.println(result.summary());
        return result.violations().isEmpty() ? 0 : 1;
    }

    private static FailoverRun.Result playAlone(
            Options options, TestNetwork network, @Nullable DiskFaults diskFaults) {
        ServerKind kind = diskFaults == null ? options.kind() : new LatticeKind("", diskFaults);
        try (TestCluster cluster = TestCluster.start(plan(options, kind, network))) {
            return play(options, cluster, List.of(Tenant.of(cluster, null)));
        }
    }

    private static FailoverRun.Result playGroups(
            Options options, TestNetwork network, @Nullable DiskFaults diskFaults) {
        TestCluster.Plan etcd =
                new TestCluster.Plan(
                        new EtcdKind(false),
                        1,
                        options.directory().resolve(CONTROL_PLANE),
                        false,
                        options.basePort() == 0 ? 0 : options.basePort() + 10 * NODES,
                        network.outside());
        try (TestCluster controlPlane = TestCluster.start(etcd)) {
            ControlPlane manifest = new ControlPlane(controlPlane);
            LatticeKind kind = LatticeKind.placed(manifest.section(), diskFaults);
            try (TestCluster cluster = TestCluster.prepare(plan(options, kind, network))) {
                List<Tenant> tenants = Groups.put(manifest, cluster, options.groups());
                cluster.startAll();
                return play(options, cluster, tenants);
            }
        }
    }

    private static FailoverRun.Result play(
            Options options, TestCluster cluster, List<Tenant> tenants) {
        return new FailoverRun(
                        cluster, tenants, options.fault(), options.seed(), System.out::println)
                .run(options.rounds());
    }

    private static TestCluster.Plan plan(Options options, ServerKind kind, TestNetwork network) {
        return new TestCluster.Plan(
                kind, NODES, options.directory(), options.tls(), options.basePort(), network);
    }

    private static Options parse(String[] arguments) {
        Deque<String> left = new ArrayDeque<>(Arrays.asList(arguments));
        Fault fault = fault(left.poll());
        int rounds = 0;
        Path directory = Path.of(".cluster", "failover-" + fault.title());
        int basePort = 0;
        long seed = ThreadLocalRandom.current().nextLong(1L << 32);
        ServerKind kind = new LatticeKind();
        int groups = 1;
        boolean tls = true;
        while (!left.isEmpty()) {
            String option = left.remove();
            switch (option) {
                case "--rounds" -> rounds = (int) number(option, left);
                case "--dir" -> directory = Path.of(value(option, left));
                case "--base-port" -> basePort = (int) number(option, left);
                case "--seed" -> seed = number(option, left);
                case "--server" -> kind = kind(value(option, left));
                case "--groups" -> groups = (int) number(option, left);
                case "--insecure" -> tls = false;
                default -> throw new UsageException("unknown option " + option);
            }
        }
        if (rounds < 1) {
            throw new UsageException("--rounds: a number from 1 on is needed");
        }
        if (groups < 1 || groups > Groups.MOST) {
            throw new UsageException("--groups: a number from 1 to %d".formatted(Groups.MOST));
        }
        if (groups > 1 && kind instanceof EtcdKind) {
            throw new UsageException("--groups: etcd has one group; more only for lattice");
        }
        if (fault.isOfDisks() && kind instanceof EtcdKind) {
            throw new UsageException(
                    fault.title() + ": a Go program's syncs can't be reached; only for lattice");
        }
        return new Options(
                fault, rounds, directory.toAbsolutePath(), basePort, seed, kind, groups, tls);
    }

    private static Fault fault(@Nullable String title) {
        Optional<Fault> found =
                Arrays.stream(Fault.values())
                        .filter(fault -> fault.title().equals(title))
                        .findFirst();
        return found.orElseThrow(() -> new UsageException("unknown fault " + title));
    }

    private static ServerKind kind(String name) {
        return switch (name) {
            case "lattice" -> new LatticeKind();
            case "etcd" -> new EtcdKind(true);
            default -> throw new UsageException("--server: lattice or etcd, not " + name);
        };
    }

    private static String value(String option, Deque<String> left) {
        String value = left.poll();
        if (value == null) {
            throw new UsageException(option + " needs a value");
        }
        return value;
    }

    private static long number(String option, Deque<String> left) {
        String value = value(option, left);
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw new UsageException(option + ": not a number: " + value);
        }
    }

    private static final class UsageException extends RuntimeException {
        private static final long serialVersionUID = 1;

        UsageException(String message) {
            super(message);
        }
    }
}
