using System.Linq;
using System.Text;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class JsonTests
    {
        [Theory]
        [InlineData("{\"type\":\"A\"}", "A")]
        [InlineData(" \r\n\t{ \"key\" : \"k\" , \"type\" : \"A\" } ", "A")]
        [InlineData("{\"data\":{\"type\":\"inner\"},\"type\":\"A\"}", "A")]
        [InlineData("{\"data\":[{\"type\":\"inner\"},\"type\",[[\"]\",\"}\"]]],\"type\":\"A\"}", "A")]
        [InlineData("{\"text\":\"\\\"type\\\":\\\"x\\\"\",\"type\":\"A\"}", "A")]
        [InlineData("{\"text\":\"\\\\\",\"type\":\"A\"}", "A")]
        [InlineData("{\"t\\u0079pe\":\"\\u0041\"}", "A")]
        [InlineData("{\"type\":\"first\",\"type\":\"A\"}", "A")]
        [InlineData("{\"n\":-1.5e3,\"b\":true,\"z\":null,\"type\":\"A\"}", "A")]
        [InlineData("{\"type\":\"\\b\\f\\n\\r\\t\\\"\\\\\\/\\u00e9\\ud83d\\ude00\"}", "\b\f\n\r\t\"\\/\u00e9\ud83d\ude00")]
        [InlineData("{\"\\ud800\":1,\"type\":\"A\"}", "A")]
        [InlineData("{\"type\":\"\"}", "")]
        [InlineData("{\"type\":12345678901234567890}", "12345678901234567890")]
        [InlineData("{\"type\":{\"a\":[1]}}", "{\"a\":[1]}")]
        [InlineData("{\"Type\":\"A\"}", null)]
        [InlineData("{\"typ\":\"A\",\"types\":\"B\"}", null)]
        [InlineData("{}", null)]
        [InlineData("", null)]
        [InlineData("null", null)]
        [InlineData("[\"type\",\"A\"]", null)]
        [InlineData("{\"type\":", null)]
        [InlineData("{\"type\":\"A", null)]
        [InlineData("{\"type\":{\"a\":1", null)]
        [InlineData("{\"type\":\"A\\", null)]
        [InlineData("{\"type\"", null)]
        [InlineData("{\"type\":,\"a\":1}", null)]
        public void FindsTheMember(string json, string expected)
        {
            Assert.Equal(expected, Json.Text(json, "type"));
        }

        [Fact]
        public void KeepsTheTextOfAValue()
        {
            const string json = "{\"data\": { \"n\" : 1.10, \"s\":\"\\u0041\" } ,\"type\":\"A\"}";
            Assert.Equal("{ \"n\" : 1.10, \"s\":\"\\u0041\" }", Json.Raw(json, "data"));
            Assert.Equal("\"A\"", Json.Raw(json, "type"));
        }

        [Fact]
        public void DepthCostsNoStack()
        {
            var deep = "{\"data\":" + new string('[', 1000000) + new string(']', 1000000) + ",\"type\":\"A\"}";
            Assert.Equal("A", Json.Text(deep, "type"));
        }

        [Fact]
        public void EveryStartOfATextIsHarmless()
        {
            const string json = "{\"a\":[1,{\"b\":\"\\u00e9\\\"\"}],\"type\":\"\\ud83d\\ude00\",\"z\":null}";
            for (var length = 0; length <= json.Length; length++)
            {
                Json.Text(json.Substring(0, length), "type");
                Json.Raw(json.Substring(length), "z");
            }
            Assert.Equal("\ud83d\ude00", Json.Text(json, "type"));
        }

        [Fact]
        public void WhatIsQuotedReadsBack()
        {
            var text = new string(Enumerable.Range(1, 0x300).Select(c => (char)c).ToArray()) + "\ud83d\ude00\u2028";
            var json = new StringBuilder();
            Json.Quote(json, text);
            Assert.Equal(text, Json.Text("{\"t\":" + json + "}", "t"));
        }

        [Fact]
        public void OptionsAreJson()
        {
            var options = new SonoranOptions { { "communityId", "a\"b\\c\n\u00e9" }, { "serverId", 7 }, { "negotiate", false }, { "proxy", (string)null } };
            options.AddJson("headers", "{\"X\":\"1\"}");
            Assert.Equal("{\"communityId\":\"a\\\"b\\\\c\\u000a\u00e9\",\"serverId\":7,\"negotiate\":false,\"headers\":{\"X\":\"1\"}}", options.ToJson());
            Assert.Equal(new[] { "communityId", "serverId", "negotiate", "headers" }, options.Cast<string>());
        }
    }
}
