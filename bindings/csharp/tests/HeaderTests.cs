using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    /// <summary>The binding matches sonoran.h.</summary>
    public class HeaderTests
    {
        private static string Binding([CallerFilePath] string here = null)
        {
            return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here), ".."));
        }

        private static string Header()
        {
            var folder = Environment.GetEnvironmentVariable("SONORAN_INCLUDE") ?? Path.Combine(Binding(), "..", "..", "include");
            return File.ReadAllText(Path.Combine(folder, "sonoran.h"));
        }

        /// <summary>The options, each with its text.</summary>
        private static List<KeyValuePair<string, string>> Options()
        {
            var header = Header();
            var start = header.IndexOf(" * OPTIONS OF sonoran_connect", StringComparison.Ordinal);
            var lines = header.Substring(start, header.IndexOf(" * RECONNECTING", StringComparison.Ordinal) - start).Split('\n');
            var texts = new List<KeyValuePair<string, string>>();
            foreach (var line in lines)
            {
                var option = Regex.Match(line, "^ \\*     ([a-zA-Z]+(?:, [a-zA-Z]+)*) +(\\S.*)$");
                var more = Regex.Match(line, "^ \\* {20,}(\\S.*)$");
                if (more.Success) texts[texts.Count - 1] = new KeyValuePair<string, string>(texts.Last().Key, texts.Last().Value + " " + more.Groups[1].Value);
                else if (option.Success) texts.Add(new KeyValuePair<string, string>(option.Groups[1].Value, option.Groups[2].Value));
            }
            return texts.SelectMany(text => text.Key.Split(new[] { ", " }, StringSplitOptions.None).Select((name, i) =>
            {
                // A line with several names has a default for each.
                var range = Regex.Match(text.Value, "^(\\d+)(?:, (\\d+))? +(\\d.*)$");
                var own = range.Groups[i == 1 ? 2 : 1].Value;
                return new KeyValuePair<string, string>(name, range.Success ? "Default " + own + "; " + range.Groups[3].Value : text.Value);
            })).ToList();
        }

        [Fact]
        public void EveryOptionIsAPropertyWithTheHeadersText()
        {
            var options = Options();
            Assert.True(options.Count >= 25, "only " + options.Count + " options found in sonoran.h");
            var source = File.ReadAllText(Path.Combine(Binding(), "src", "SonoranOptions.Properties.cs"));
            var properties = Regex.Matches(source, "/// <summary>(.*)</summary>\r?\n +public (?:int\\?|bool\\?|string|IDictionary<string, string>|IEnumerable<string>) ([A-Za-z]+) \\{").Cast<Match>()
                .Select(match => match.Groups[2].Value + ": " + match.Groups[1].Value);
            Assert.Equal(string.Join("\n", options.Select(option => char.ToUpperInvariant(option.Key[0]) + option.Key.Substring(1) + ": " + option.Value).ToArray()),
                string.Join("\n", properties.ToArray()));
        }

        [Fact]
        public void EveryPropertySetsItsOption()
        {
            foreach (var option in Options())
            {
                var property = typeof(SonoranOptions).GetProperty(char.ToUpperInvariant(option.Key[0]) + option.Key.Substring(1));
                var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
                object value = 7;
                if (type == typeof(bool)) value = true;
                if (type == typeof(string)) value = "a\"b";
                if (type == typeof(IDictionary<string, string>)) value = new Dictionary<string, string> { { "X-A", "a\"b" } };
                if (type == typeof(IEnumerable<string>)) value = new[] { "EVENT_911", "!a\"b" };
                var options = new SonoranOptions();
                Assert.Null(property.GetValue(options, null));
                property.SetValue(options, value, null);
                Assert.Equal(new[] { option.Key }, options.Cast<string>());
                Assert.Equal(value, property.GetValue(options, null));
                Assert.True(Json.Raw(options.ToJson(), option.Key) != null, options.ToJson());
                property.SetValue(options, null, null);
                Assert.Equal("{}", options.ToJson());
            }
        }

        [Fact]
        public void EveryErrorHasItsName()
        {
            var codes = Regex.Matches(Header(), "#define SONORAN_E_([A-Z_]+) \\((-\\d+)\\)").Cast<Match>().ToList();
            Assert.True(codes.Count >= 15, "only " + codes.Count + " codes found in sonoran.h");
            var expected = codes.Select(code => code.Groups[1].Value.Replace("_", "").ToLowerInvariant() + code.Groups[2].Value).OrderBy(code => code);
            var names = Enum.GetValues(typeof(SonoranError)).Cast<SonoranError>().Where(error => error != SonoranError.Library);
            Assert.Equal(string.Join(" ", expected.ToArray()), string.Join(" ", names.Select(error => error.ToString().ToLowerInvariant() + (int)error).OrderBy(code => code).ToArray()));
        }
    }
}
