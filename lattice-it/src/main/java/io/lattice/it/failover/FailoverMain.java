package io.lattice.it.failover;

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
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// `FailoverMain FAULT --rounds N [--dir D] [--base-port P] [--seed S] [--server lattice|etcd]
/// [--insecure]`: starts a three-node cluster with mutual TLS under D, plays N rounds, ends the cluster.
///
/// The last line is `rounds N acknowledged N lost 0 doubled 0 longest-gap-ms X`, the one before it
/// `stale 0`. Exit code 0: every promise was kept; 1: one was broken, or the cluster did not recover; 2:
/// wrong usage.
public final class FailoverMain {
    private static final int NODES = 3;
    private static final int NAMESPACES = 77;

    private FailoverMain() {}

    /// @param basePort 0: any free ports
    private record Options(
            Fault fault,
            int rounds,
            Path directory,
            int basePort,
            long seed,
            ServerKind kind,
            boolean tls) {}

    public static void main(String[] arguments) {
        int exit;
        try {
            exit = run(parse(arguments));
        } catch (UsageException e) {
            System.err.println(e.getMessage());
            System.err.println(
                    "usage: %s --rounds N [--dir D] [--base-port P] [--seed S] [--server lattice|etcd] [--insecure]"
                            .formatted(
                                    Arrays.stream(Fault.values())
                                            .map(Fault::title)
                                            .collect(Collectors.joining("|"))));
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
        TestNetwork network =
                options.fault() == Fault.PARTITION_LEADER
                        ? NamespaceNetwork.create(NAMESPACES, NODES)
                        : new LoopbackNetwork();
        ServerKind kind =
                options.fault().isOfDisks()
                        ? new LatticeKind("", DiskFaults.create(options.directory()))
                        : options.kind();
        TestCluster.Plan plan =
                new TestCluster.Plan(
                        kind,
                        NODES,
                        options.directory(),
                        options.tls(),
                        options.basePort(),
                        network);
        FailoverRun.Result result;
        try (TestCluster cluster = TestCluster.start(plan)) {
            result =
                    new FailoverRun(cluster, options.fault(), options.seed(), System.out::println)
                            .run(options.rounds());
        }
        result.violations().forEach(System.out::println);
        if (result.others() > 0) {
            System.out.println("other violations " + result.others());
        }
        System.out.println("stale " + result.stale());
        System.out.println(result.summary());
        return result.violations().isEmpty() ? 0 : 1;
    }

    private static Options parse(String[] arguments) {
        Deque<String> left = new ArrayDeque<>(Arrays.asList(arguments));
        Fault fault = fault(left.poll());
        int rounds = 0;
        Path directory = Path.of(".cluster", "failover-" + fault.title());
        int basePort = 0;
        long seed = ThreadLocalRandom.current().nextLong(1L << 32);
        ServerKind kind = new LatticeKind();
        boolean tls = true;
        while (!left.isEmpty()) {
            String option = left.remove();
            switch (option) {
                case "--rounds" -> rounds = (int) number(option, left);
                case "--dir" -> directory = Path.of(value(option, left));
                case "--base-port" -> basePort = (int) number(option, left);
                case "--seed" -> seed = number(option, left);
                case "--server" -> kind = kind(value(option, left));
                case "--insecure" -> tls = false;
                default -> throw new UsageException("unknown option " + option);
            }
        }
        if (rounds < 1) {
            throw new UsageException("--rounds: a number from 1 on is needed");
        }
        if (fault.isOfDisks() && kind instanceof EtcdKind) {
            throw new UsageException(
                    fault.title() + ": a Go program's syncs can't be reached; only for lattice");
        }
        return new Options(fault, rounds, directory.toAbsolutePath(), basePort, seed, kind, tls);
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
