using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Sonoran.Events
{
    /// <summary>
    /// The options of a session, as properties or by the names that sonoran.h lists:
    /// <code>new SonoranOptions { CommunityId = "abc", ApiKey = key, ServerId = 1 }</code>
    /// <code>new SonoranOptions { { "communityId", "abc" }, { "apiKey", key }, { "serverId", 1 } }</code>
    /// A null value leaves its option out. The library checks names and ranges when it connects.
    /// </summary>
    public sealed partial class SonoranOptions : IEnumerable
    {
        // In the order of setting; values are JSON.
        private readonly List<KeyValuePair<string, string>> _members = new List<KeyValuePair<string, string>>();
        private IDictionary<string, string> _headers;
        private IEnumerable<string> _types;

        /// <summary>Sets a text.</summary>
        public void Add(string name, string value)
        {
            Set(name, value);
        }

        /// <summary>Sets a whole number.</summary>
        public void Add(string name, long? value)
        {
            Set(name, value);
        }

        /// <summary>Sets true or false.</summary>
        public void Add(string name, bool? value)
        {
            Set(name, value);
        }

        /// <summary>Sets JSON text, such as an object.</summary>
        public void AddJson(string name, string json)
        {
            _members.RemoveAll(member => member.Key == name);
            if (json != null) _members.Add(new KeyValuePair<string, string>(name, json));
        }

        /// <summary>The options as the library reads them. It holds the API key: do not log it.</summary>
        public string ToJson()
        {
            return Object(_members);
        }

        /// <summary>The names of the options that are set.</summary>
        public IEnumerator GetEnumerator()
        {
            foreach (var member in _members) yield return member.Key;
        }

        private void Set(string name, string value)
        {
            AddJson(name, value == null ? null : Quoted(value));
        }

        private void Set(string name, long? value)
        {
            AddJson(name, value == null ? null : value.Value.ToString(CultureInfo.InvariantCulture));
        }

        private void Set(string name, bool? value)
        {
            AddJson(name, value == null ? null : value.Value ? "true" : "false");
        }

        private void SetHeaders(IDictionary<string, string> headers)
        {
            _headers = headers;
            if (headers == null)
            {
                AddJson("headers", null);
                return;
            }
            var members = new List<KeyValuePair<string, string>>();
            foreach (var header in headers) members.Add(new KeyValuePair<string, string>(header.Key, Quoted(header.Value)));
            AddJson("headers", Object(members));
        }

        private void SetTypes(IEnumerable<string> types)
        {
            _types = types;
            if (types == null)
            {
                AddJson("types", null);
                return;
            }
            var elements = new List<string>();
            foreach (var type in types) elements.Add(Quoted(type));
            AddJson("types", "[" + string.Join(",", elements.ToArray()) + "]");
        }

        private string Text(string name)
        {
            return Json.Text(ToJson(), name);
        }

        private int? Number(string name)
        {
            int number;
            return int.TryParse(Text(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out number) ? number : (int?)null;
        }

        private bool? Flag(string name)
        {
            var text = Text(name);
            return text == null ? (bool?)null : text == "true";
        }

        private static string Quoted(string text)
        {
            var json = new StringBuilder();
            Json.Quote(json, text);
            return json.ToString();
        }

        private static string Object(List<KeyValuePair<string, string>> members)
        {
            var json = new StringBuilder("{");
            foreach (var member in members)
            {
                if (json.Length > 1) json.Append(',');
                Json.Quote(json, member.Key);
                json.Append(':').Append(member.Value);
            }
            return json.Append('}').ToString();
        }
    }
}
