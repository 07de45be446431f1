package io.lattice.gateway.observability;

import com.codahale.metrics.MetricFilter;
import io.prometheus.client.Collector;
import io.prometheus.client.dropwizard.DropwizardExports;
import io.prometheus.client.dropwizard.samplebuilder.SampleBuilder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Bridges dropwizard registries: `ratis_<component>_<name>`, in small letters with underscores. A member's identity in a
/// name becomes the label `peer`, the group of
/// what it is measured in the label `group`.
final class DropwizardCollector extends Collector {
    /// Node id, a tilde and what tells the member from former ones; perhaps the group.
    private static final Pattern MEMBER =
            Pattern.compile("_?([A-Za-z0-9][A-Za-z0-9.-]*)~[0-9A-Za-z]+(?:@group-[0-9A-F]+)?");

    private static final Pattern HUMP = Pattern.compile("([a-z0-9])([A-Z])");
    private static final Pattern NO_NAME = Pattern.compile("[^a-zA-Z0-9]+");

    private final Supplier<List<LibraryMetrics>> sources;

    DropwizardCollector(Supplier<List<LibraryMetrics>> sources) {
        this.sources = sources;
    }

    @Override
    public List<MetricFamilySamples> collect() {
        Map<String, MetricFamilySamples> byName = new LinkedHashMap<>();
        for (LibraryMetrics source : sources.get()) {
            DropwizardExports exports =
                    new DropwizardExports(
                            source.registry(),
                            MetricFilter.ALL,
                            new Names(source.component(), source.group()));
            for (MetricFamilySamples family : exports.collect()) {
                byName.merge(family.name, family, DropwizardCollector::joined);
            }
        }
        return List.copyOf(byName.values());
    }

    private static MetricFamilySamples joined(MetricFamilySamples a, MetricFamilySamples b) {
        List<MetricFamilySamples.Sample> samples = new ArrayList<>(a.samples);
        samples.addAll(b.samples);
        return new MetricFamilySamples(a.name, a.type, a.help, samples);
    }

    /// Makes the names of one registry.
    private record Names(String component, String group) implements SampleBuilder {
        @Override
        public MetricFamilySamples.Sample createSample(
                String metric,
                @Nullable String suffix,
                @Nullable List<String> labels,
                @Nullable List<String> values,
                double value) {
            List<String> allLabels = new ArrayList<>(labels == null ? List.of() : labels);
            List<String> allValues = new ArrayList<>(values == null ? List.of() : values);
            if (!group.isEmpty()) {
                allLabels.add("group");
                allValues.add(group);
            }
            Matcher member = MEMBER.matcher(metric);
            String bare = metric;
            if (member.find()) {
                allLabels.add("peer");
                allValues.add(member.group(1));
                bare = metric.substring(0, member.start()) + metric.substring(member.end());
            }
            String name = snake("ratis_" + component + "_" + bare) + (suffix == null ? "" : suffix);
            return new MetricFamilySamples.Sample(name, allLabels, allValues, value);
        }

        private static String snake(String name) {
            String spaced = HUMP.matcher(name).replaceAll("$1_$2");
            return NO_NAME.matcher(spaced).replaceAll("_").toLowerCase(Locale.ROOT);
        }
    }
}
