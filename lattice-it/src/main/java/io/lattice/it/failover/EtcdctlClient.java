package io.lattice.it.failover;

import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.TlsMaterial;
import io.lattice.it.cluster.Tools;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The real etcdctl, one process for each put, on one node. Used by one thread.
final class EtcdctlClient implements PutClient {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Pattern REVISION = Pattern.compile("\"revision\":(\\d+)");

    private final List<String> prefix;

    EtcdctlClient(Target target) {
        prefix =
                new ArrayList<>(
                        List.of(
                                Tools.pinned("etcdctl").toString(),
                                "--endpoints=" + target.url(),
                                "--dial-timeout=2s",
                                "--command-timeout=10s",
                                "--write-out=json"));
        TlsMaterial tls = target.tls();
        if (tls != null) {
            prefix.add("--cacert=" + tls.ca());
            prefix.add("--cert=" + tls.clientCertificate());
            prefix.add("--key=" + tls.clientKey());
        }
    }

    @Override
    public Result put(String key, long number) {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of("put", key, Long.toString(number)));
        Command.Result result = Command.run(LIMIT, command);
        Matcher revision = REVISION.matcher(result.out());
        if (result.exit() == 0 && revision.find()) {
            return Result.acknowledged(Long.parseLong(revision.group(1)));
        }
        // Its texts don't tell a refused connection from one that broke, so that every error
        // without a
        // word of the server is ambiguous.
        String error = result.err().lines().reduce("", (before, line) -> line);
        return Result.error(error.replace("Connection refused", "connection refused"));
    }

    @Override
    public void close() {}
}
